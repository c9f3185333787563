// Names asked for by c-ares on the loop. Each question has a channel of its own. That is what makes it
// possible to end one question alone (ares_cancel ends all of a channel), and gives each its own source
// port, which a forger of answers would have to guess (RFC 5452 section 9.2). c-ares sends, repeats,
// falls back to TCP and to other servers, and checks that answers fit; the ring polls its sockets, and
// the loop's timers tell it when to look at its clock. That clock is the machine's and cannot be another:
// where the loop's time jumps (kernel::clock_jumps) c-ares would wait for ever for what was lost, so a
// question whose time is up there starts again from the beginning.
#include <ringlet/net/name_query_private.hpp>

#include <ringlet/core/loop.hpp>
#include <ringlet/io/at_once.hpp>
#include <ringlet/net/dns_message_private.hpp>
#include <ringlet/net/polled_socket_private.hpp>
#include <ringlet/net/resolve_error.hpp>

#include <ares.h>
#include <arpa/nameser.h>
#include <netinet/tcp.h>
#include <sys/time.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <optional>
#include <span>

namespace ringlet::net::detail {
namespace {

// Of one family; what a server lists beyond is not needed to reach the host.
constexpr int most_addresses = 64;

// However sure a server is of its answer.
constexpr duration longest_keep = 24h;

std::error_code code_of(int status) {
    switch (status) {
        case ARES_ENODATA: return resolve_errc::no_addresses;
        case ARES_ENOTFOUND: return resolve_errc::not_found;
        case ARES_ESERVFAIL: return resolve_errc::server_failed;
        case ARES_EREFUSED: return resolve_errc::refused;
        case ARES_ENOTIMP: return resolve_errc::not_implemented;
        case ARES_EBADNAME:
        case ARES_EBADSTR: return resolve_errc::bad_name;
        case ARES_ETIMEOUT: return resolve_errc::timed_out;
        case ARES_ECONNREFUSED: return resolve_errc::unreachable;
        case ARES_ENOMEM: return std::make_error_code(std::errc::not_enough_memory);
        default: return resolve_errc::bad_answer;
    }
}

bool is_no(std::error_code e) { return e == resolve_errc::not_found || e == resolve_errc::no_addresses; }

/// A failure says more than a "no", and that a name exists more than that it was not found.
std::error_code weightier(std::error_code a, std::error_code b) {
    if (!a || !b)
        return a ? a : b;
    if (is_no(a) != is_no(b))
        return is_no(a) ? b : a;
    return a == resolve_errc::not_found ? b : a;
}

/// What one family has come to.
class part {
public:
    bool asked = false;
    bool over = false;
    name_answer answer;

    bool open() const noexcept { return asked && !over; }
};

class ares_question final : public name_query, private timer, private socket_watcher {
public:
    ares_question(const std::string& name, int family, const query_settings& settings, name_asker& asker);
    ~ares_question() override;

private:
    bool open_channel();
    void begin_try();
    void try_again();
    bool waiting() const noexcept { return !broken_ && (ip4_.open() || ip6_.open()); }
    void start(part& p, int type);
    void settle() noexcept;
    void wait() noexcept;
    duration time_left() const noexcept;
    name_answer merged() noexcept;
    void note_rcode(int rcode) noexcept;
    std::error_code explained(std::error_code error) const noexcept;
    class open_socket {
    public:
        explicit open_socket(polled_socket* s) noexcept : socket(s) {}
        polled_socket* socket;
        address server;
    };
    std::vector<open_socket>::iterator find(int fd) noexcept;

    void ready(polled_socket& s, bool readable, bool writable, int error) noexcept override;
    static void timer_fired(timer& t) noexcept;

    template <int Family>
    static void on_answer(void* self, int status, int timeouts, unsigned char* message, int size) noexcept;

    static void state_changed(void* self, int fd, int readable, int writable) noexcept;
    static int make_socket(int family, int type, int protocol, void* self) noexcept;
    static int close_socket(int fd, void* self) noexcept;
    static int connect_socket(int fd, const sockaddr* to, socklen_t size, void* self) noexcept;
    static ssize_t receive(int fd, void* into, std::size_t size, int flags, sockaddr* from, socklen_t* from_size,
                           void* self) noexcept;
    static ssize_t send(int fd, const iovec* pieces, int count, void* self) noexcept;

    const std::string name_;
    const query_settings& settings_;
    name_asker& asker_;
    ares_channel channel_ = nullptr;
    unsigned tries_ = 0;  // begun; c-ares counts its own
    time_point try_ends_ = never;
    std::vector<open_socket> sockets_;
    part ip4_;
    part ip6_;
    time_point patient_until_ = never;
    std::error_code broken_;  // what ended it, if that was not an answer
    int socket_error_ = 0;  // errno of a socket that could not be opened
    std::error_code last_rcode_;  // c-ares 1.18 forgets why it gave a server up
    std::optional<address> last_server_;
    bool ending_ = false;
};

ares_question::ares_question(const std::string& name, int family, const query_settings& settings, name_asker& asker)
    : timer(&timer_fired), name_(name), settings_(settings), asker_(asker) {
    ip6_.asked = family != AF_INET;
    ip4_.asked = family != AF_INET6;
    begin_try();
    wait();
}

ares_question::~ares_question() {
    loop::current().timers().disarm(*this);
    ending_ = true;
    ares_destroy(channel_);  // closes its sockets
}

/// Everything is given, so that c-ares reads neither files nor the environment for each question.
bool ares_question::open_channel() {
    static const int library = ares_library_init(ARES_LIB_INIT_ALL);
    if (library != ARES_SUCCESS)
        return false;
    ares_options options{};
    options.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES;
    const auto timeout = std::chrono::ceil<std::chrono::milliseconds>(settings_.timeout).count();
    options.timeout = static_cast<int>(std::clamp<decltype(timeout)>(timeout, 1, 1 << 20));
    options.tries = std::max(settings_.tries, 1);
    options.ndots = 1;
    char lookups[] = "b";
    options.lookups = lookups;
    options.sock_state_cb = &state_changed;
    options.sock_state_cb_data = this;
    constexpr int given = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_NDOTS | ARES_OPT_LOOKUPS |
                          ARES_OPT_SERVERS | ARES_OPT_DOMAINS | ARES_OPT_SORTLIST | ARES_OPT_NOROTATE |
                          ARES_OPT_SOCK_STATE_CB;
    if (ares_init_options(&channel_, &options, given) != ARES_SUCCESS) {
        channel_ = nullptr;
        return false;
    }
    static const ares_socket_functions functions{&make_socket, &close_socket, &connect_socket, &receive, &send};
    ares_set_socket_functions(channel_, &functions, this);

    std::vector<ares_addr_port_node> servers(settings_.servers.size());
    for (std::size_t i = 0; i < servers.size(); ++i) {
        const address& from = settings_.servers[(tries_ + i) % servers.size()];
        ares_addr_port_node& to = servers[i];
        to.next = i + 1 < servers.size() ? &servers[i + 1] : nullptr;
        to.family = from.family();
        to.udp_port = to.tcp_port = from.port();
        if (from.family() == AF_INET)
            to.addr.addr4 = reinterpret_cast<const sockaddr_in*>(from.data())->sin_addr;
        else
            std::memcpy(&to.addr.addr6, &reinterpret_cast<const sockaddr_in6*>(from.data())->sin6_addr,
                        sizeof to.addr.addr6);
    }
    return ares_set_servers_ports(channel_, servers.data()) == ARES_SUCCESS;
}

void ares_question::begin_try() {
    if (!open_channel()) {
        broken_ = std::make_error_code(std::errc::not_enough_memory);
        return;
    }
    loop& l = loop::current();
    if (l.kernel().clock_jumps()) {
        // Each round takes twice as long as the one before, as c-ares has it.
        const std::size_t round = tries_ / std::max<std::size_t>(settings_.servers.size(), 1);
        const std::chrono::duration<double> first = settings_.timeout;
        try_ends_ = after(l.fresh_now(), any_duration(first * std::exp2(round)));
    }
    ++tries_;
    start(ip6_, ns_t_aaaa);
    start(ip4_, ns_t_a);
}

/// The time of the loop is not that of c-ares, and in the loop's a try is over: ask the next server.
void ares_question::try_again() {
    const std::size_t most = settings_.servers.size() * static_cast<std::size_t>(std::max(settings_.tries, 1));
    if (tries_ >= most) {
        for (part* p : {&ip6_, &ip4_})
            if (p->open()) {
                p->over = true;
                p->answer.error = resolve_errc::timed_out;
            }
        return;
    }
    ending_ = true;
    ares_destroy(std::exchange(channel_, nullptr));
    ending_ = false;
    begin_try();
}

void ares_question::start(part& p, int type) {
    if (p.open())
        ares_query(channel_, name_.c_str(), ns_c_in, type,
                   type == ns_t_a ? &on_answer<AF_INET> : &on_answer<AF_INET6>, this);
}

// --- what c-ares is told -----------------------------------------------------------------------------

void ares_question::ready(polled_socket& s, bool readable, bool writable, int error) noexcept {
    if (error != 0)
        broken_ = std::error_code(error, std::system_category());
    else
        ares_process_fd(channel_, readable ? s.fd() : ARES_SOCKET_BAD, writable ? s.fd() : ARES_SOCKET_BAD);
    settle();
}

void ares_question::timer_fired(timer& t) noexcept {
    auto& self = static_cast<ares_question&>(t);
    if (!self.broken_)
        ares_process_fd(self.channel_, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    if (self.waiting() && loop::current().fresh_now() >= self.try_ends_)
        self.try_again();
    self.settle();
}

/// After everything that may have brought an answer. `this` may be gone afterwards.
void ares_question::settle() noexcept {
    if (!waiting() || loop::current().fresh_now() >= patient_until_)
        asker_.answered(merged());
    else
        wait();
}

/// Until c-ares wants to look at its clock, or patience ends. What is settled already is told by the
/// timer too, since nobody must be told from within ask_cares().
void ares_question::wait() noexcept {
    loop& l = loop::current();
    l.timers().disarm(*this);
    const time_point now = l.fresh_now();
    time_point when = now;
    if (waiting()) {
        // What c-ares says of its clock means nothing where time jumps, and is never twice the same.
        const time_point next = try_ends_ != never ? try_ends_ : after(now, time_left());
        when = std::min(next, patient_until_);
    }
    l.timers().arm(*this, when);
}

/// Until c-ares wants to look at its clock.
duration ares_question::time_left() const noexcept {
    timeval room{};
    const timeval* next = ares_timeout(channel_, nullptr, &room);
    if (next == nullptr)
        return 1h;
    // c-ares counts in milliseconds and rounds down: without a floor the last one would be spun away.
    return std::max<duration>(std::chrono::seconds(next->tv_sec) + std::chrono::microseconds(next->tv_usec), 1ms);
}

// --- what c-ares says --------------------------------------------------------------------------------

template <int Family>
void ares_question::on_answer(void* arg, int status, int timeouts, unsigned char* message, int size) noexcept {
    auto& self = *static_cast<ares_question*>(arg);
    if (self.ending_)
        return;
    part& p = Family == AF_INET ? self.ip4_ : self.ip6_;
    p.over = true;
    if ((timeouts > 0 || self.tries_ > 1) && message != nullptr)
        p.answer.rescuer = self.last_server_;
    long keep = 0;
    if (status == ARES_SUCCESS) {
        int count = most_addresses;
        keep = longest_keep / 1s;
        const auto add = [&](const auto& sockaddr, int ttl) {
            p.answer.addresses.push_back(address::from(&sockaddr, sizeof sockaddr));
            keep = std::clamp<long>(ttl, 0, keep);
        };
        if constexpr (Family == AF_INET) {
            std::array<ares_addrttl, most_addresses> list;
            status = ares_parse_a_reply(message, size, nullptr, list.data(), &count);
            for (int i = 0; status == ARES_SUCCESS && i < count; ++i) {
                sockaddr_in one{};
                one.sin_family = AF_INET;
                one.sin_addr = list[static_cast<std::size_t>(i)].ipaddr;
                add(one, list[static_cast<std::size_t>(i)].ttl);
            }
        } else {
            std::array<ares_addr6ttl, most_addresses> list;
            status = ares_parse_aaaa_reply(message, size, nullptr, list.data(), &count);
            for (int i = 0; status == ARES_SUCCESS && i < count; ++i) {
                sockaddr_in6 one{};
                one.sin6_family = AF_INET6;
                std::memcpy(&one.sin6_addr, &list[static_cast<std::size_t>(i)].ip6addr, sizeof one.sin6_addr);
                add(one, list[static_cast<std::size_t>(i)].ttl);
            }
        }
        if (status == ARES_SUCCESS && p.answer.addresses.empty())
            status = ARES_ENODATA;
    }
    if (status == ARES_SUCCESS) {
        p.answer.keep = std::chrono::seconds(keep);
        self.patient_until_ =
            std::min(self.patient_until_, after(loop::current().fresh_now(), self.settings_.patience));
        return;
    }
    p.answer.error = self.explained(code_of(status));
    if ((status == ARES_ENOTFOUND || status == ARES_ENODATA) && message != nullptr && size > 0)
        p.answer.keep = negative_ttl(std::as_bytes(std::span(message, static_cast<std::size_t>(size))));
}

/// When no server gave a usable answer, what was seen of them says more than c-ares does.
std::error_code ares_question::explained(std::error_code error) const noexcept {
    if (error != resolve_errc::unreachable)
        return error;
    if (last_rcode_)
        return last_rcode_;
    if (socket_error_ != 0)
        return {socket_error_, std::system_category()};
    return error;
}

name_answer ares_question::merged() noexcept {
    name_answer both;
    if (broken_) {
        both.error = broken_;
        return both;
    }
    both.keep = longest_keep;
    bool half_known = false;
    bool timeless_no = false;
    for (part* p : {&ip6_, &ip4_}) {
        if (!p->asked)
            continue;
        name_answer& one = p->answer;
        if (p->open() || (one.error && !is_no(one.error)))
            half_known = true;
        else if (one.error && one.keep == 0s)
            timeless_no = true;
        else
            both.keep = std::min(both.keep, one.keep);
        if (one.rescuer)
            both.rescuer = one.rescuer;
        both.addresses.insert(both.addresses.end(), one.addresses.begin(), one.addresses.end());
        both.error = weightier(both.error, one.error);
    }
    if (!both.addresses.empty())
        both.error.clear();
    // What is half known is not remembered, so that the other half gets its chance. A "no" without an
    // SOA must not be either (RFC 2308 section 5), but beside addresses it spoils nothing.
    if (half_known || (timeless_no && both.error))
        both.keep = 0s;
    return both;
}

// --- the sockets c-ares uses -------------------------------------------------------------------------

/// An answer as c-ares wants to hear it: -1 and errno.
int told(int answer) noexcept {
    if (answer >= 0)
        return answer;
    errno = -answer;
    return -1;
}

std::vector<ares_question::open_socket>::iterator ares_question::find(int fd) noexcept {
    const auto at = std::ranges::find_if(sockets_, [fd](const open_socket& s) { return s.socket->fd() == fd; });
    check(at != sockets_.end(), "c-ares uses the sockets that it opened");
    return at;
}

void ares_question::state_changed(void* arg, int fd, int readable, int writable) noexcept {
    auto& self = *static_cast<ares_question*>(arg);
    if (!self.ending_)
        self.find(fd)->socket->watch(readable != 0, writable != 0);
}

int ares_question::make_socket(int family, int type, int protocol, void* arg) noexcept {
    auto& self = *static_cast<ares_question*>(arg);
    const int made = io::socket_now(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
    if (made < 0) {
        self.socket_error_ = -made;
        return told(made);
    }
    io::fd fd(made);
    if (type == SOCK_STREAM)
        io::set_option_now(fd.get(), IPPROTO_TCP, TCP_NODELAY, 1);
    auto* s = new polled_socket(std::move(fd), type == SOCK_DGRAM, self);
    self.sockets_.emplace_back(s);
    return s->fd();
}

int ares_question::close_socket(int fd, void* arg) noexcept {
    auto& self = *static_cast<ares_question*>(arg);
    const auto at = self.find(fd);
    polled_socket* s = at->socket;
    self.sockets_.erase(at);
    s->close();
    return 0;
}

/// c-ares knows no interfaces, which a link-local server (RFC 4007) needs.
int ares_question::connect_socket(int fd, const sockaddr* to, socklen_t size, void* arg) noexcept {
    auto& self = *static_cast<ares_question*>(arg);
    const address plain = address::from(to, size);
    const auto scoped = std::ranges::find_if(self.settings_.servers, [&](const address& a) {
        return a.scope_id() != 0 && a.port() == plain.port() &&
               a.host() == plain.host() + '%' + std::to_string(a.scope_id());
    });
    address& server = self.find(fd)->server;
    server = scoped != self.settings_.servers.end() ? *scoped : plain;
    const int outcome = io::connect_now(fd, server.data(), server.size());
    if (outcome < 0 && outcome != -EINPROGRESS)
        self.socket_error_ = -outcome;
    return told(outcome);
}

ssize_t ares_question::receive(int fd, void* into, std::size_t size, int flags, sockaddr* from, socklen_t* from_size,
                               void* arg) noexcept {
    auto& self = *static_cast<ares_question*>(arg);
    const auto at = self.find(fd);
    const bool datagram = at->socket->datagram();
    iovec room{into, size};
    int count = 0;
    msghdr message{};
    do {
        message.msg_name = from;
        message.msg_namelen = from_size != nullptr ? *from_size : 0;
        message.msg_iov = &room;
        message.msg_iovlen = 1;
        count = io::recvmsg_now(fd, message, flags);
        // An empty datagram is nobody's answer, but c-ares would take it for the end of the server.
    } while (count == 0 && datagram);
    if (from_size != nullptr && count >= 0)
        *from_size = message.msg_namelen;
    self.last_server_ = at->server;
    if (count > 3 && datagram)
        self.note_rcode(static_cast<const unsigned char*>(into)[3] & 0xf);
    return told(count);
}

void ares_question::note_rcode(int rcode) noexcept {
    switch (rcode) {
        case ns_r_servfail: last_rcode_ = resolve_errc::server_failed; break;
        case ns_r_notimpl: last_rcode_ = resolve_errc::not_implemented; break;
        case ns_r_refused: last_rcode_ = resolve_errc::refused; break;
        default: break;
    }
}

/// A server that hangs up is an error, never a SIGPIPE.
ssize_t ares_question::send(int fd, const iovec* pieces, int count, void* arg) noexcept {
    const polled_socket* s = static_cast<ares_question*>(arg)->find(fd)->socket;
    msghdr message{};
    message.msg_iov = const_cast<iovec*>(pieces);
    message.msg_iovlen = static_cast<std::size_t>(count);
    const int sent = io::sendmsg_now(fd, message, MSG_NOSIGNAL);
    // udp(7): the port unreachable that an earlier datagram met. c-ares would take it for this one's
    // and let the earlier question wait for its timeout; sent again, both are told when we receive.
    return told(sent == -ECONNREFUSED && s->datagram() ? io::sendmsg_now(fd, message, MSG_NOSIGNAL) : sent);
}

}  // namespace

std::unique_ptr<name_query> ask_cares(const std::string& name, int family, const query_settings& settings,
                                      name_asker& asker) {
    return std::make_unique<ares_question>(name, family, settings, asker);
}

}  // namespace ringlet::net::detail
