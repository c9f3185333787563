// What is left of an exchange when the connection speaks something else: a stream that begins with the
// bytes that were read too many.

#include <ringlet/net/http_date.hpp>
#include <ringlet/net/http_exchange_private.hpp>

#include <ringlet/core/loop.hpp>

#include <stdexcept>

namespace ringlet::http::detail {
namespace {

/// Borrowed from the connection while its handler runs.
class upgraded_stream {
public:
    explicit upgraded_stream(exchange& e) noexcept : exchange_(&e) {}

    task<std::size_t> read(std::span<std::byte> into) {
        if (!exchange_->reader().empty()) {
            throw_if_canceled();
            co_return exchange_->reader().take(into);
        }
        co_return co_await exchange_->stream().read(into);
    }
    auto write_all(std::span<const std::byte> from) { return exchange_->stream().write_all(from); }
    task<> shutdown() { return exchange_->stream().shutdown(); }
    void close() noexcept { exchange_->stream().close(); }
    std::string name() const { return exchange_->stream().name(); }

private:
    exchange* exchange_;
};

}  // namespace

stop_sign* stop_sign_of(response_writer& out) noexcept { return &out.exchange_.stops; }

task<io::any_stream> exchange::upgrade(std::string_view protocol, const fields& f) {
    if (!head().upgrade() || !body_over_)
        throw std::logic_error("http response: " + name_of_request() +
                               " does not ask for an upgrade, or has an unread body");
    own_fields_.assign(loop::current().service<date_cache>().line(loop::current().now()));
    own_fields_.append("Connection: Upgrade\r\nUpgrade: ").append(protocol).append("\r\n");
    append_response(out_, 101, {}, f, body_size::none(), own_fields_);
    last_ = true;
    co_await flush();
    left_ = true;
    handler_limit_->restart(never);  // the request has been answered
    stops.asked = &stop_asked();
    co_return io::any_stream(upgraded_stream(*this));
}

}  // namespace ringlet::http::detail
