#include <ringlet/io/sim.hpp>

#include "sim_kernel_private.hpp"
#include "sim_replay_private.hpp"

#include <ringlet/core/event.hpp>
#include <ringlet/core/report.hpp>
#include <ringlet/core/sleep.hpp>

#include <exception>
#include <stdexcept>

namespace ringlet::sim {

// --- hosts -------------------------------------------------------------------------------------------

const std::string& host::name() const noexcept { return machine_->name; }
std::string host::ip() const { return to_text(ip_of(machine_->number)); }
bool host::running() const noexcept { return machine_->now->alive; }
void host::limit_descriptors(std::size_t most) const { machine_->most_descriptors = most; }

void host::check_up() const {
    if (!running())
        throw std::logic_error("host " + name() + " is down: restart it first");
}

void host::adopt(greenlet_base& child) const { child.set_personality(machine_->now->number); }

void host::set_boot(std::function<void()> start) const {
    machine_->boot.push_back(std::move(start));
    machine_->boot.back()();
}

void host::end_process() const {
    process& dying = *machine_->now;
    if (!dying.alive)
        return;
    world_->sim_->hosts().end_process(dying);
    std::vector<greenlet_base*> victims;
    loop::current().for_each_greenlet([&](greenlet_base& each) {
        if (each.personality() == dying.number)
            victims.push_back(&each);
    });
    for (greenlet_base* g : victims)
        g->kill();
}

void host::kill() const {
    world_->sim_->note(*machine_->now, "kill", machine_->number, 0);
    end_process();
}

void host::crash() const {
    world_->sim_->note(*machine_->now, "crash", machine_->number, 0);
    machine_->up = false;
    machine_->files.crash(world_->sim_->dice(), world_->sim_->faults().torn_writes());
    world_->sim_->network().forget_held(*machine_);
    end_process();
}

void host::restart() const {
    end_process();
    machine_->up = true;
    world_->sim_->hosts().start_process(*machine_);
    world_->sim_->note(*machine_->now, "restart", machine_->number, 0);
    world_->sim_->network().recheck();
    const auto starters = machine_->boot;
    for (const auto& start : starters)
        start();
}

void host::write_file(const std::string& path, std::string text) const {
    const std::string where = disk::normal("/", path);
    disk& d = machine_->files;
    auto what = d.find(where);
    if (what == nullptr)
        what = d.make(where, S_IFREG | 0644, world_->sim_->now());
    if (what == nullptr)
        throw std::logic_error("write " + path + " on " + name() + ": there is no such folder");
    what->bytes = std::move(text);
    what->sync();
    d.sync_names();
}

std::optional<std::string> host::read_file(const std::string& path) const {
    const auto what = machine_->files.find(disk::normal("/", path));
    return what != nullptr ? std::optional(what->bytes) : std::nullopt;
}

// --- the world ---------------------------------------------------------------------------------------

world::world(std::uint64_t seed, const faults& what_fails)
    : seed_(seed), left_open_(std::make_shared<std::string>()), errors_before_(std::uncaught_exceptions()) {
    auto kernel = std::make_unique<simulator>(seed, what_fails);
    sim_ = kernel.get();
    sim_->left_open = left_open_;
    sim_->on_idle = [this] { return nothing_can_happen(); };
    loop_.emplace(std::move(kernel));
    replay::begin(seed);
}

world::~world() {
    if (std::uncaught_exceptions() > errors_before_)
        replay::tell("the world ended because of an error");
    end();
    replay::end();
}

void world::end() {
    if (!loop_)
        return;
    sim_->on_idle = [this] {
        report("simulation: these were killed and do not end:" + list_greenlets(*loop_));
        check(false, "what is killed ends its waits");
        return false;
    };
    loop_.reset();
}

void world::finish() {
    end();
    if (!left_open_->empty())
        throw std::runtime_error("descriptors were left open: " + *left_open_);
}

sim::host world::host(std::string_view name) { return {*this, sim_->hosts().named(name)}; }

void world::partition(std::string_view one, std::string_view other) {
    sim_->network().part(sim_->hosts().named(one), sim_->hosts().named(other));
}

void world::heal(std::string_view one, std::string_view other) {
    sim_->network().join(sim_->hosts().named(one), sim_->hosts().named(other));
}

void world::isolate(std::string_view name) {
    machine& alone = sim_->hosts().named(name);
    for (machine& m : sim_->hosts().all())
        if (&m != &alone)
            sim_->network().part(alone, m);
}

void world::heal() { sim_->network().join_all(); }

std::uint64_t world::below(std::uint64_t bound) { return sim_->dice().below(bound); }
duration world::between(duration least, duration most) { return sim_->dice().between(least, most); }

duration world::elapsed() const noexcept { return sim_->now() - simulator::beginning; }
std::uint64_t world::fingerprint() const noexcept { return sim_->log().fingerprint(); }
void world::log_to(std::function<void(std::string_view)> sink) { sim_->log().set_sink(std::move(sink)); }

void world::run_for(any_duration d) { await(sleep_for(d)); }

void world::run() {
    until_quiet_ = true;
    try {
        await(sleep_for(duration::max()));
    } catch (const canceled&) {
    } catch (const deadlock_error&) {
        // Nobody waits for I/O either.
    }
    until_quiet_ = false;
}

/// In run() that is the end of it; otherwise whoever waits outside of the hosts waits forever.
bool world::nothing_can_happen() {
    if (!until_quiet_)
        report("simulation: deadlock: nothing can ever wake the greenlets that are left:" + list_greenlets(*loop_));
    loop_->main().abort_wait();
    return true;
}

}  // namespace ringlet::sim
