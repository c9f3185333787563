#pragma once
// setsockopt(2) and getsockopt(2) of simulated sockets: what is set is remembered, and means nothing
// unless a socket asks for it.

#include "sim_endpoint_private.hpp"

#include <liburing.h>
#include <sys/socket.h>

#include <cstdint>
#include <map>
#include <string>
#include <utility>

namespace ringlet::sim {

class socket_options {
public:
    int set(int level, int name, const void* value, socklen_t size) {
        values_[{level, name}].assign(static_cast<const char*>(value), size);
        return 0;
    }

    /// Gives the size of the value; what was never set is 0.
    int get(int level, int name, void* into, socklen_t room) const;

    /// An int, or the first word of something larger.
    int number(int level, int name) const;

private:
    std::map<std::pair<int, int>, std::string> values_;
};

/// What a socket says of itself when it is asked.
struct socket_facts {
    sa_family_t family;
    int type;
    bool listening;
    int* error;
    const endpoint* local;
    const endpoint* remote;  // null when not connected
};

/// Answers an IORING_OP_URING_CMD about options or names.
int command_of(const io_uring_sqe& sqe, socket_options& options, socket_facts facts);

}  // namespace ringlet::sim
