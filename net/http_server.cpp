#include <ringlet/net/http_server.hpp>

#include <ringlet/core/all.hpp>
#include <ringlet/core/report.hpp>
#include <ringlet/core/spawn.hpp>
#include <ringlet/core/timeout.hpp>
#include <ringlet/io/signals.hpp>
#include <ringlet/net/http_server_private.hpp>

#include <algorithm>
#include <stdexcept>

namespace ringlet::http {

namespace detail {
namespace {

constexpr std::size_t most_spare = 256;
constexpr std::size_t most_kept = 64 * 1024;  // of the memory of one text

/// "404 Not Found", as a text.
task<> say(response_writer& out, int status) {
    out.status(status).set("Content-Type", response::plain_text);
    out.send(std::to_string(status) + ' ' + std::string(reason_of(status)) + '\n');
    co_return;
}

task<> accept_all(std::shared_ptr<const service> to, net::tcp_listener listener) {
    server_core& core = *to->core;
    acceptor self(listener);
    core.enter(self);
    while (!core.stopping()) {
        co_await core.room.acquire();
        place where(to);
        try {
            where.stream = io::any_stream(co_await listener.accept());
        } catch (const std::system_error&) {
            if (!core.stopping())
                throw;
            break;
        }
        spawn(server_connection::serve(std::move(where)));
    }
}

std::shared_ptr<const service> service_of(std::shared_ptr<server_core> core, connection_wrapper secure) {
    return std::make_shared<const service>(service{std::move(core), std::move(secure), false});
}

}  // namespace

// --- the core ----------------------------------------------------------------------------------------

server_core::server_core(const server_options& given) : options(given), room(given.connections) {
    if (options.connections == 0 || options.streams == 0)
        throw std::invalid_argument("http server: with no connections, or no streams on one, it could serve nobody");
    http::fields().add("Server", options.server_name);  // throws when it is no sound value
    spare_.reserve(most_spare);
    spare_texts_.reserve(most_spare);
    not_found_ = [](request&, response_writer& out) -> task<> { return say(out, 404); };
    not_allowed_ = [](request& asked, response_writer& out) -> task<> {
        out.set("Allow", asked.allowed());
        return say(out, 405);
    };
    no_tunnel_ = [](request&, response_writer& out) -> task<> {
        out.set("Connection", "close");  // some send what belongs into the tunnel without waiting for it
        return say(out, 501);
    };
    options_ = [this](request& asked, response_writer& out) -> task<> {
        out.status(204).set("Allow", asked.target() == "*" ? std::string_view(routes_.methods()) : asked.allowed());
        co_return;
    };
    through_all_ = [this](request& asked, response_writer& out) -> task<> {
        return next(around_, 0, asked.route_answer())(asked, out);
    };
}

void server_core::add(std::string_view method, std::string_view pattern, handler h) {
    if (pattern == "*" && method.empty())
        whole_server_ = std::move(h);
    else
        routes_.add(method, pattern, std::move(h));
}

/// The handler for a request, or what stands around it; `found` has the handler in any case.
const handler& server_core::find(const request& asked, route_match& found) const {
    const bool asks_options = asked.method() == "OPTIONS";
    routes_.find(asked.method(), asked.path(), found);
    if (asked.target() == "*")  // comes with OPTIONS only
        found.answer = whole_server_ ? &whole_server_ : &options_;
    else if (found.answer == nullptr)
        found.answer = asked.method() == "CONNECT" ? &no_tunnel_
                       : found.allowed.empty()     ? &not_found_
                       : asks_options              ? &options_
                                                   : &not_allowed_;
    return around_.empty() ? *found.answer : through_all_;
}

std::unique_ptr<exchange> server_core::borrow(io::any_stream& stream) {
    std::unique_ptr<exchange> e;
    if (spare_.empty()) {
        e = std::make_unique<exchange>(options, *this);
    } else {
        e = std::move(spare_.back());
        spare_.pop_back();
    }
    e->attach(stream);
    return e;
}

void server_core::give_back(std::unique_ptr<exchange> e) noexcept {
    if (spare_.size() >= most_spare)
        return;
    e->detach();
    spare_.push_back(std::move(e));
}

std::string server_core::take_text(std::string& from) {
    std::string text;
    if (!spare_texts_.empty()) {
        text = std::move(spare_texts_.back());
        spare_texts_.pop_back();
    }
    text.swap(from);
    return text;
}

void server_core::give_back(std::string text) noexcept {
    if (spare_texts_.size() >= most_spare || text.capacity() > most_kept)
        return;
    text.clear();
    spare_texts_.push_back(std::move(text));
}

void server_core::enter(server_connection& c) noexcept {
    connections_.push_back(c);
    ++size_;
    empty_.clear();
}

void server_core::leave(server_connection& c) noexcept {
    c.unlink();
    if (--size_ == 0)
        empty_.set();
}

void server_core::begin_to_stop() noexcept {
    stop_asked_.set();
    acceptors_.for_each([](acceptor& a) { a.listener.close(); });
    connections_.for_each([](server_connection& c) { c.end_if_idle(); });
}

void server_core::kill_all() noexcept {
    connections_.for_each([](server_connection& c) { c.kill(); });
}

void server_core::report_busy() {
    connections_.for_each([](server_connection& c) { c.report_busy(); });
}

}  // namespace detail

// --- the server --------------------------------------------------------------------------------------

server::server(const server_options& options) : core_(std::make_shared<detail::server_core>(options)) {}

server::~server() {
    if (!core_)
        return;
    core_->begin_to_stop();
    core_->kill_all();
}

void server::add(std::string_view method, std::string_view pattern, handler h) {
    core_->add(method, pattern, std::move(h));
}
void server::add(middleware m) { core_->add(std::move(m)); }
std::size_t server::connections() const noexcept { return core_->size(); }

net::address server::start(const net::address& where, const net::listen_options& how) {
    return start(where, connection_wrapper(), how);
}

net::address server::start(const net::address& where, connection_wrapper secure, const net::listen_options& how) {
    auto listener = net::listen(where, how);
    const net::address bound = listener.local_address();
    spawn(detail::accept_all(detail::service_of(core_, std::move(secure)), std::move(listener)));
    return bound;
}

task<> server::serve(net::tcp_listener listener) { return serve(std::move(listener), connection_wrapper()); }
task<> server::serve(net::tcp_listener listener, connection_wrapper secure) {
    return detail::accept_all(detail::service_of(core_, std::move(secure)), std::move(listener));
}
task<> server::serve_stream(io::any_stream stream) {
    detail::place where(std::make_shared<const detail::service>(detail::service{core_, {}, true}));
    where.stream = std::move(stream);
    return detail::server_connection::serve(std::move(where));
}

task<std::size_t> server::serve_forever(net::tcp_listener listener, any_duration grace) {
    return serve_forever(std::move(listener), connection_wrapper(), grace);
}

task<std::size_t> server::serve_forever(net::tcp_listener listener, connection_wrapper secure, any_duration grace) {
    io::signals asked({SIGTERM, SIGINT});
    auto serving = serve(std::move(listener), std::move(secure));
    auto first = asked.next();
    const auto ended = co_await race(std::move(serving), std::move(first));
    if (ended.index() == 0)
        co_return 0;  // by stop(), which counts itself
    auto gently = stop(grace);
    auto again = asked.next();
    const auto how = co_await race(std::move(gently), std::move(again));
    if (const std::size_t* cut = std::get_if<0>(&how))
        co_return *cut;
    co_return co_await stop(0s);
}

task<std::size_t> server::stop(any_duration grace) {
    const std::shared_ptr<detail::server_core> core = core_;
    core->begin_to_stop();
    std::size_t cut = 0;
    const auto ended = co_await as_result(with_timeout(grace, core->empty().wait()));
    if (!ended) {
        cut = core->size();
        core->report_busy();
        core->kill_all();
        co_await core->empty().wait();
    }
    co_return cut;
}

}  // namespace ringlet::http
