#include <ringlet/net/http2.hpp>

#include <ringlet/core/group.hpp>
#include <ringlet/core/spawn.hpp>
#include <ringlet/net/http2_connection_private.hpp>

#include <stdexcept>

namespace ringlet::http2 {

error::error(std::errc code, std::uint32_t wire, std::string text)
    : std::system_error(std::make_error_code(code)), text_(std::move(text)), wire_(wire) {}

namespace {

/// Throws when the exchange did not end as it should.
void throw_if_broken(const detail::exchange& e) {
    if (e.failure)
        std::rethrow_exception(e.failure);
    if (!e.closed || e.reset == NGHTTP2_NO_ERROR)
        return;
    const auto owner = e.owner.lock();
    const std::errc code = e.reset == NGHTTP2_REFUSED_STREAM ? std::errc::connection_refused
                           : e.reset == NGHTTP2_CANCEL       ? std::errc::operation_canceled
                                                             : std::errc::protocol_error;
    throw error(code, e.reset,
                (owner ? owner->act() : "http/2") + ": the stream was reset: " + detail::name_of(e.reset));
}

}  // namespace

// --- what comes in -------------------------------------------------------------------------------------

incoming::incoming(std::shared_ptr<detail::exchange> e) noexcept : exchange_(std::move(e)) {}
std::string_view incoming::method() const noexcept { return exchange_->method; }
std::string_view incoming::scheme() const noexcept { return exchange_->scheme; }
std::string_view incoming::authority() const noexcept { return exchange_->authority; }
std::string_view incoming::target() const noexcept { return exchange_->target; }
int incoming::status() const noexcept { return exchange_->status; }
const http::fields& incoming::fields() const noexcept { return exchange_->fields; }
const http::fields& incoming::trailers() const noexcept { return exchange_->trailers; }

task<std::string> incoming::next_piece() {
    const std::shared_ptr<detail::exchange> e = exchange_;
    throw_if_canceled();
    while (e->in.empty() && !e->in_ended) {
        throw_if_broken(*e);
        if (e->closed)
            throw error(std::errc::connection_reset, NGHTTP2_NO_ERROR, "http/2: the body was cut off");
        e->progress.clear();
        co_await e->progress.wait();
    }
    std::string piece = std::exchange(e->in, std::string());
    if (const auto owner = e->owner.lock(); owner && !piece.empty())
        owner->consumed(*e, piece.size());
    co_return piece;
}

task<std::string> incoming::read_all(std::size_t most) {
    std::string all;
    for (;;) {
        const std::string piece = co_await next_piece();
        if (piece.empty())
            co_return all;
        if (piece.size() > most - all.size()) {
            if (const auto owner = exchange_->owner.lock())
                owner->give_up(*exchange_, NGHTTP2_CANCEL);
            throw error(std::errc::message_size, NGHTTP2_CANCEL,
                        "http/2: the body is larger than " + std::to_string(most) + " bytes");
        }
        all += piece;
    }
}

// --- the client ----------------------------------------------------------------------------------------

client::client(io::any_stream stream, const options& how)
    : connection_(std::make_shared<detail::connection>(std::move(stream), how, false)) {
    connection_->greet();
    spawn(spawn_options().name("http/2 client"), &detail::connection::receive, connection_);
}

client& client::operator=(client&& other) noexcept {
    std::swap(connection_, other.connection_);
    return *this;
}

client::~client() {
    if (connection_)
        connection_->close();
}

void client::close() noexcept { connection_->close(); }
bool client::usable() const noexcept { return connection_->usable(); }

task<incoming> client::open(std::string method, std::string scheme, std::string authority, std::string target,
                            http::fields fields, std::string body) {
    throw_if_canceled();
    const auto connection = connection_;
    const auto e = connection->request(std::move(method), std::move(scheme), std::move(authority), std::move(target),
                                       fields, std::move(body));
    std::exception_ptr killed;
    try {
        while (!e->has_head) {
            throw_if_broken(*e);
            if (e->closed)
                throw error(std::errc::connection_reset, NGHTTP2_NO_ERROR, connection->act() + ": no response came");
            e->progress.clear();
            co_await e->progress.wait();
        }
    } catch (const canceled&) {
        killed = std::current_exception();
    }
    if (killed) {
        connection->give_up(*e, NGHTTP2_CANCEL);
        std::rethrow_exception(killed);
    }
    // When the last who could read it lets go of it, the peer need not go on.
    const auto let_go = [e, connection](detail::exchange*) noexcept {
        try {
            connection->give_up(*e, NGHTTP2_CANCEL);
        } catch (...) {  // no memory to say so; the window stays shut
        }
    };
    co_return incoming(std::shared_ptr<detail::exchange>(e.get(), let_go));
}

task<http::response> client::fetch(std::string method, std::string scheme, std::string authority, std::string target,
                                   http::fields fields, std::string body) {
    auto asked = open(std::move(method), std::move(scheme), std::move(authority), std::move(target),
                      std::move(fields), std::move(body));
    incoming in = co_await std::move(asked);
    http::response whole(in.status());
    whole.fields = in.fields();
    whole.body = co_await in.read_all();
    whole.trailers = in.trailers();
    co_return whole;
}

// --- the server ----------------------------------------------------------------------------------------

namespace {

/// One request and its answer.
task<> answer_one(std::shared_ptr<detail::connection> connection, std::shared_ptr<detail::exchange> e,
                  const handler& answer) {
    http::response said(500);
    bool failed = false;
    incoming in(e);
    try {
        said = co_await answer(in);
    } catch (const error&) {
        failed = true;  // the peer or the connection is gone, or the body was too large
    } catch (const std::exception&) {
        said = http::response(500, "Internal Server Error\n");
    }
    if (failed) {
        connection->give_up(*e, NGHTTP2_CANCEL);
        co_return;
    }
    connection->respond(*e, std::move(said), e->method == "HEAD");
}

}  // namespace

task<> serve(io::any_stream stream, handler answer, options how) {
    auto connection = std::make_shared<detail::connection>(std::move(stream), how, true);
    std::unordered_map<std::int32_t, greenlet<>> running;
    std::exception_ptr failed;
    const auto body = [&](group& g) -> task<> {
        connection->on_request = [&](const std::shared_ptr<detail::exchange>& e) {
            running.insert_or_assign(e->id, g.spawn(answer_one, connection, e, std::cref(answer)));
        };
        connection->on_over = [&](std::int32_t id) {
            if (const auto at = running.find(id); at != running.end()) {
                at->second.kill();
                running.erase(at);
            }
        };
        connection->greet();
        co_await detail::connection::receive(connection);
        g.cancel();
    };
    try {
        co_await with_group(body);
    } catch (...) {
        failed = std::current_exception();
    }
    connection->on_request = nullptr;
    connection->on_over = nullptr;
    connection->close();
    if (failed)
        std::rethrow_exception(failed);
}

}  // namespace ringlet::http2
