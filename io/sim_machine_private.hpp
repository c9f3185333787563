#pragma once
// The simulated hosts: each has a name, addresses, one process that may die and be started again, the
// descriptors of that process, and the table of who is bound where.

#include "sim_disk_private.hpp"
#include "sim_endpoint_private.hpp"
#include "sim_object_private.hpp"

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace ringlet::sim {

class simulator;
struct machine;

/// Whose greenlets they are; its number is their personality. A restart is a new process.
struct process {
    machine* on = nullptr;
    std::uint16_t number = 0;
    bool alive = true;
    std::size_t descriptors = 0;
};

/// Where the name server of every world is, 10.255.255.253.
inline constexpr std::uint32_t name_server = 0xfffffd;

struct machine {
    std::string name;
    std::uint32_t number = 0;
    bool up = true;  // false from a crash to the restart
    process* now = nullptr;
    std::size_t most_descriptors = 1 << 20;
    std::uint16_t last_given = 32767;
    std::vector<std::function<void()>> boot;

    /// Who is bound to a port, stream sockets and datagram sockets apart.
    using ports = std::multimap<std::uint16_t, std::weak_ptr<object>>;
    ports streams;
    ports datagrams;
    disk files;
    /// Who is bound to a path, also after it was closed, until it is unlinked.
    std::map<std::string, std::weak_ptr<object>> paths;

    /// The next one that nobody has, or 0.
    std::uint16_t free_port(const ports& taken) noexcept;
};

class machines {
public:
    explicit machines(simulator& s);

    /// The one of this name; made when it is named for the first time.
    machine& named(std::string_view name);
    /// Null when nobody has the address.
    machine* at(const ip_address& ip) noexcept;
    machine* find(std::string_view name) noexcept;
    std::deque<machine>& all() noexcept { return machines_; }

    process& process_of(std::uint16_t personality) noexcept { return processes_[personality]; }
    process& start_process(machine& on);
    /// Its descriptors are closed: as by the kernel when a process dies, or, when the machine is down,
    /// without anybody hearing of it. The numbers stay taken until whoever is left closes them.
    void end_process(process& who);

    /// What a path names on a host: a file, a socket, or one of the files that every host has, such as
    /// /etc/hosts. Null when there is none.
    std::shared_ptr<inode> look_up(const machine& on, const std::string& path) const;

    /// A new descriptor, or -EMFILE.
    int install(process& who, std::shared_ptr<object> what);
    /// Null when it is not open.
    std::shared_ptr<object> open(int fd) noexcept;
    process* owner(int fd) noexcept;
    int close(int fd);

    /// For leaks: descriptors that are open, all processes together.
    std::size_t open_descriptors() const noexcept { return open_; }
    std::string list_descriptors() const;

private:
    struct descriptor {
        std::shared_ptr<object> what;  // null when free, and when its process has died
        process* who = nullptr;
    };

    descriptor* find(int fd) noexcept;

    simulator& sim_;
    std::deque<machine> machines_;
    std::deque<process> processes_;
    std::vector<descriptor> descriptors_;
    std::size_t lowest_ = 0;  // no free number is below
    std::size_t open_ = 0;
};

/// One descriptor or request less that refers to it.
void let_go(std::shared_ptr<object> what);

}  // namespace ringlet::sim
