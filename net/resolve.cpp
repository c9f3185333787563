#include <ringlet/net/resolve.hpp>

#include <ringlet/core/greenlet_base.hpp>
#include <ringlet/net/ascii.hpp>
#include <ringlet/net/hosts_file_private.hpp>

#include <algorithm>

namespace ringlet::net {

struct resolver::state {
    explicit state(resolver_options given) : options_(std::move(given)), hosts_(options_.hosts()) {}

    std::vector<address> local(const std::string& name, int family);

    resolver_options options_;
    detail::hosts_file hosts_;
};

namespace {

std::vector<address> with_port(std::vector<address> list, std::uint16_t port) {
    for (address& each : list)
        each = each.with_port(port);
    return list;
}

/// A name as the hosts file, the cache and questions are searched by: lower case, and without the dot
/// at the end that says "not in my domains".
std::string normalized(std::string_view host) {
    if (host.ends_with('.'))
        host.remove_suffix(1);
    std::string name(host);
    std::ranges::transform(name, name.begin(), ascii::lower);
    return name;
}

/// RFC 6761 section 6.3: these never leave the machine.
bool is_localhost(std::string_view name) {
    return name == "localhost" || name.ends_with(".localhost");
}

}  // namespace

/// What is known without asking anybody.
std::vector<address> resolver::state::local(const std::string& name, int family) {
    std::vector<address> found = hosts_.find(name);
    std::erase_if(found, [&](const address& a) { return family != AF_UNSPEC && a.family() != family; });
    if (found.empty() && is_localhost(name)) {
        if (family != AF_INET)
            found.push_back(address::loopback6(0));
        if (family != AF_INET6)
            found.push_back(address::loopback(0));
    }
    return found;
}

resolver::resolver() : state_(std::make_shared<state>(resolver_options())) {}
resolver::~resolver() = default;

resolver& resolver::current() { return loop::current().service<resolver>(); }

void resolver::configure(resolver_options options) { state_ = std::make_shared<state>(std::move(options)); }

task<std::vector<address>> resolver::resolve(std::string host, std::uint16_t port,
                                             resolve_options options) {
    const std::shared_ptr<state> self = state_;
    std::string_view bare = host;
    if (bare.starts_with('[') && bare.ends_with(']'))
        bare = bare.substr(1, bare.size() - 2);
    if (const auto numeric = address::try_ip(bare, port))
        co_return std::vector<address>(1, *numeric);
    const std::string name = normalized(host);
    if (std::vector<address> found = self->local(name, options.family()); !found.empty())
        co_return with_port(std::move(found), port);
    throw resolve_error(host, resolve_errc::no_backend);
}

task<std::vector<address>> resolve(std::string host, std::uint16_t port, resolve_options options) {
    return resolver::current().resolve(std::move(host), port, options);
}

}  // namespace ringlet::net
