#pragma once
// A simulated world to test services in: named hosts, a network between them and their disks, in one
// process, one thread and virtual time, with faults, all from one seed. The same seed is the same run,
// event by event. What runs in it is ordinary ringlet code, unchanged:
//
//     sim::world w(seed, sim::faults().latency({1ms, 50ms}).resets(0.01));
//     w.host("server").boot(server);
//     auto client = w.host("client").spawn(ask);
//     w.run_for(10s);
//     w.partition("client", "server");
//     w.run_for(1min);
//     w.heal("client", "server");
//     await(client.get());
//
// A world is the event loop of its thread. Code that waits outside of every host (above: await, and
// run_for) lets it go on.

#include <ringlet/core/await.hpp>
#include <ringlet/core/greenlet.hpp>
#include <ringlet/core/spawn.hpp>
#include <ringlet/io/sim_faults.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <source_location>
#include <string>
#include <string_view>

namespace ringlet::sim {

class simulator;
class world;
struct machine;

/// A handle: copies name the same host, which belongs to its world.
class host {
public:
    const std::string& name() const noexcept;

    /// Its IPv4 address, "10.0.0.1".
    std::string ip() const;

    /// Starts fn(args...) on this host, as ringlet::spawn: what it spawns runs there too, and the
    /// sockets and files they open are those of this host. Throws std::logic_error when it is down.
    template <class Fn>
    auto spawn(Fn&& fn, std::source_location where = std::source_location::current()) const {
        check_up();
        auto child = ringlet::spawn(std::forward<Fn>(fn), where);
        adopt(child.state());
        return child;
    }
    template <class Fn, class... Args>
        requires(sizeof...(Args) > 0 && std::is_invocable_v<std::decay_t<Fn>, std::decay_t<Args>...>)
    auto spawn(Fn&& fn, Args&&... args) const {
        check_up();
        auto child = ringlet::spawn(std::forward<Fn>(fn), std::forward<Args>(args)...);
        adopt(child.state());
        return child;
    }

    /// What the host runs: starts a copy of fn() now and after every restart.
    template <class Fn>
    void boot(Fn fn, std::source_location where = std::source_location::current()) const {
        set_boot([here = *this, fn, where] { here.spawn(fn, where); });
    }

    /// The process is killed (SIGKILL): its greenlets unwind, and everybody it was connected to is told
    /// by the host. What it wrote to files is there.
    void kill() const;

    /// The host loses power: nobody is told, and files keep only what was synced and what the disk
    /// happened to have written (faults::torn_writes).
    void crash() const;

    /// After a kill or a crash, or of a running host after killing it: runs what was given to boot.
    void restart() const;

    bool running() const noexcept;

    /// Puts a file on its disk, synced; and looks at one, as programs there see it.
    void write_file(const std::string& path, std::string text) const;
    std::optional<std::string> read_file(const std::string& path) const;

    /// EMFILE beyond.
    void limit_descriptors(std::size_t most) const;

private:
    friend class world;
    host(world& w, machine& m) noexcept : world_(&w), machine_(&m) {}
    void check_up() const;
    void adopt(greenlet_base& child) const;
    void set_boot(std::function<void()> start) const;
    void end_process() const;

    world* world_;
    machine* machine_;
};

class world {
public:
    explicit world(std::uint64_t seed, const faults& what_fails = {});

    /// Ends every greenlet that is left, as the end of a loop does. When it goes because of an error,
    /// it says its seed.
    ~world();

    world(const world&) = delete;
    world& operator=(const world&) = delete;

    std::uint64_t seed() const noexcept { return seed_; }

    /// The host of this name; made when it is first named. The first gets 10.0.0.1 and fd00::1, and so
    /// on. Code that runs on no host runs on one named "main"; on one named "dns" a name server answers,
    /// which knows all of them.
    sim::host host(std::string_view name);

    /// Nothing passes between the two any more. TCP connections hold what they carry and go on after
    /// heal(), unless they have given up by then.
    void partition(std::string_view one, std::string_view other);
    void heal(std::string_view one, std::string_view other);

    /// Parts a host from all others that there are now.
    void isolate(std::string_view name);
    void heal();

    /// Lets `d` of virtual time pass.
    void run_for(any_duration d);

    /// Runs until nothing can happen any more: everybody has ended or waits for I/O that will not come.
    void run();

    /// For what a test decides itself, such as whom to crash and when: drawn from the seed.
    std::uint64_t below(std::uint64_t bound);
    duration between(duration least, duration most);

    /// Virtual time since the beginning.
    duration elapsed() const noexcept;

    /// A hash of everything that has happened.
    std::uint64_t fingerprint() const noexcept;

    /// Gets a line of text for each event from now on.
    void log_to(std::function<void(std::string_view line)> sink);

    /// Ends the world as its destructor does, and throws std::runtime_error if descriptors were left
    /// open. Nothing but the destructor may follow.
    void finish();

private:
    friend class sim::host;
    bool nothing_can_happen();
    void end();

    std::uint64_t seed_;
    simulator* sim_;
    std::optional<loop> loop_;
    std::shared_ptr<std::string> left_open_;
    bool until_quiet_ = false;
    int errors_before_;
};

/// Which seeds explore() runs.
class seeds {
public:
    seeds() = default;
    /// The environment decides: SIM_SEED=n is that one alone, and SIM_SEEDS=n replaces count.
    explicit seeds(std::uint64_t count) noexcept : count_(count) {}
    seeds& first(std::uint64_t seed) noexcept {
        first_ = seed;
        return *this;
    }
    /// What fails in all of them; without it, a swarm of each seed's own.
    seeds& fail(const faults& what) noexcept {
        fail_ = what;
        return *this;
    }
    /// Stop after so much real time.
    seeds& within(any_duration real) noexcept {
        within_ = real;
        return *this;
    }

    std::uint64_t count() const noexcept { return count_; }
    std::uint64_t first() const noexcept { return first_; }
    const std::optional<faults>& fail() const noexcept { return fail_; }
    duration within() const noexcept { return within_; }

private:
    std::uint64_t count_ = 100;
    std::uint64_t first_ = 1;
    std::optional<faults> fail_;
    duration within_ = duration::max();
};

/// What came of explore().
struct exploration {
    std::uint64_t runs = 0;
    std::optional<std::uint64_t> failed;  // the seed
    std::string error;  // what it threw
    double seconds = 0;  // of real time
    std::uint64_t fingerprint = 0;  // of all runs together

    explicit operator bool() const noexcept { return !failed; }
};

/// Runs body(world) in a world for each seed, until one throws or leaves a descriptor open. That seed,
/// what went wrong and the command that replays it go to report() (core/report.hpp); what is reported
/// meanwhile, such as greenlets that died of a fault, is told only with a failure. With SIM_LOG=1 in the
/// environment the events go to stderr.
exploration explore(const seeds& which, const std::function<void(world&)>& body);

/// A kernel alone, for a loop of one's own: virtual time and an empty world without faults.
std::unique_ptr<kernel> make_kernel(std::uint64_t seed = 1, const faults& what_fails = {});

}  // namespace ringlet::sim
