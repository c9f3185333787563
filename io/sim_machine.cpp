#include "sim_machine_private.hpp"

#include "sim_kernel_private.hpp"

#include <algorithm>
#include <cerrno>

namespace ringlet::sim {
namespace {

// Far from the descriptors of the real process, so that a call which goes round the seam fails instead
// of reaching something real.
constexpr int first_descriptor = 1 << 20;

// Every world has "main", on which everything runs that is on no host, and "dns", where a name server
// answers. Their numbers are far from those of other hosts.
constexpr std::size_t given = 2;

constexpr std::uint16_t first_port = 32768;  // net.ipv4.ip_local_port_range
constexpr std::uint16_t last_port = 60999;

}  // namespace

std::uint16_t machine::free_port(const ports& taken) noexcept {
    auto& last = last_given;
    for (unsigned tried = 0; tried <= last_port - first_port; ++tried) {
        last = last >= last_port ? first_port : static_cast<std::uint16_t>(last + 1);
        if (taken.find(last) == taken.end())
            return last;
    }
    return 0;
}

machines::machines(simulator& s) : sim_(s) {
    named("main");
    named("dns");
    machines_[0].number = 0xfffffe;
    machines_[1].number = name_server;
}

machine& machines::named(std::string_view name) {
    if (machine* known = find(name))
        return *known;
    machine& m = machines_.emplace_back();
    m.name = name;
    m.number = static_cast<std::uint32_t>(machines_.size() - given);
    start_process(m);
    return m;
}

machine* machines::find(std::string_view name) noexcept {
    for (machine& m : machines_)
        if (m.name == name)
            return &m;
    return nullptr;
}

machine* machines::at(const ip_address& ip) noexcept {
    const std::uint32_t number = number_in(ip);
    for (std::size_t i = 0; i < given; ++i)
        if (machines_[i].number == number)
            return &machines_[i];
    return number > 0 && number + given <= machines_.size() ? &machines_[number + given - 1] : nullptr;
}

std::shared_ptr<inode> machines::look_up(const machine& on, const std::string& path) const {
    if (auto found = on.files.find(path))
        return found;
    const auto made = [](std::uint64_t number, mode_t mode, std::string text) {
        auto what = std::make_shared<inode>();
        what->number = number;
        what->mode = mode;
        what->bytes = what->safe = std::move(text);
        return what;
    };
    if (on.paths.contains(path))
        return made(1, S_IFSOCK | 0755, "");
    if (path == "/etc/hosts")
        return made(2, S_IFREG | 0644, "127.0.0.1 localhost\n::1 localhost\n");
    if (path == "/etc/resolv.conf")
        return made(3, S_IFREG | 0644, "nameserver " + to_text(ip_of(name_server)) + "\n");
    return nullptr;
}

process& machines::start_process(machine& on) {
    check(processes_.size() < UINT16_MAX, "a simulated world has at most 65535 processes");
    process& p = processes_.emplace_back();
    p.on = &on;
    p.number = static_cast<std::uint16_t>(processes_.size() - 1);
    on.now = &p;
    return p;
}

void machines::end_process(process& who) {
    who.alive = false;
    sim_.stop_all_of(who);
    for (descriptor& d : descriptors_)
        if (d.who == &who && d.what != nullptr)
            let_go(std::move(d.what));
}

int machines::install(process& who, std::shared_ptr<object> what) {
    if (who.descriptors >= who.on->most_descriptors)
        return -EMFILE;
    const auto free = std::find_if(descriptors_.begin() + static_cast<std::ptrdiff_t>(lowest_), descriptors_.end(),
                                   [](const descriptor& d) { return d.who == nullptr; });
    const auto index = static_cast<std::size_t>(free - descriptors_.begin());
    if (free == descriptors_.end())
        descriptors_.emplace_back();
    lowest_ = index + 1;
    ++who.descriptors;
    ++open_;
    ++what->uses;
    descriptors_[index] = {std::move(what), &who};
    return first_descriptor + static_cast<int>(index);
}

machines::descriptor* machines::find(int fd) noexcept {
    const int index = fd - first_descriptor;
    if (index < 0 || static_cast<std::size_t>(index) >= descriptors_.size())
        return nullptr;
    descriptor& d = descriptors_[static_cast<std::size_t>(index)];
    return d.who != nullptr ? &d : nullptr;
}

std::shared_ptr<object> machines::open(int fd) noexcept {
    const descriptor* d = find(fd);
    return d != nullptr ? d->what : nullptr;
}

process* machines::owner(int fd) noexcept {
    const descriptor* d = find(fd);
    return d != nullptr ? d->who : nullptr;
}

int machines::close(int fd) {
    descriptor* d = find(fd);
    if (d == nullptr)
        return -EBADF;
    --open_;
    --d->who->descriptors;
    lowest_ = std::min(lowest_, static_cast<std::size_t>(fd - first_descriptor));
    d->who = nullptr;
    if (d->what != nullptr)
        let_go(std::move(d->what));
    return 0;
}

std::string machines::list_descriptors() const {
    std::string text;
    for (std::size_t i = 0; i < descriptors_.size(); ++i)
        if (const process* who = descriptors_[i].who)
            text += (text.empty() ? "" : ", ") + std::to_string(first_descriptor + static_cast<int>(i)) + " of " +
                    who->on->name;
    return text;
}

void let_go(std::shared_ptr<object> what) {
    if (--what->uses == 0)
        what->released();
}

}  // namespace ringlet::sim
