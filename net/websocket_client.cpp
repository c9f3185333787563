#include <ringlet/net/websocket_client.hpp>

#include <ringlet/core/timeout.hpp>
#include <ringlet/net/http_reader.hpp>
#include <ringlet/net/http_secure_private.hpp>
#include <ringlet/net/http_writer.hpp>
#include <ringlet/net/url.hpp>
#include <ringlet/net/url_host_private.hpp>
#include <ringlet/net/websocket_extensions_private.hpp>
#include <ringlet/net/websocket_handshake_private.hpp>

#include <algorithm>
#include <cstring>
#include <memory>

namespace ringlet::http {
namespace {

/// A stream that begins with what was read behind the response.
class begun_stream {
public:
    begun_stream(io::any_stream rest, std::string first) : rest_(std::move(rest)), first_(std::move(first)) {}

    task<std::size_t> read(std::span<std::byte> into) {
        if (first_.empty())
            co_return co_await rest_.read(into);
        throw_if_canceled();
        const std::size_t count = std::min(into.size(), first_.size());
        std::memcpy(into.data(), first_.data(), count);
        first_.erase(0, count);
        co_return count;
    }
    auto write_all(std::span<const std::byte> from) { return rest_.write_all(from); }
    task<> shutdown() { return rest_.shutdown(); }
    void close() noexcept { rest_.close(); }
    std::string name() const { return rest_.name(); }

private:
    io::any_stream rest_;
    std::string first_;
};

std::string request_of(std::string_view host, std::string_view target, std::string_view key,
                       const websocket_options& options, const fields& more) {
    fields f = more;
    f.set("Connection", "Upgrade");
    f.set("Upgrade", "websocket");
    f.set("Sec-WebSocket-Version", "13");
    f.set("Sec-WebSocket-Key", key);
    std::string offered;
    for (const std::string& name : options.protocols())
        offered.append(offered.empty() ? "" : ", ").append(name);
    if (!offered.empty())
        f.set("Sec-WebSocket-Protocol", offered);
    if (const std::string extensions = detail::offered_extensions(options); !extensions.empty())
        f.set("Sec-WebSocket-Extensions", extensions);
    std::string text;
    append_request(text, "GET", target, host, f);
    return text;
}

task<> shake_hands(io::any_stream& stream, message_reader& reader, std::string_view sent) {
    co_await stream.write_all(io::bytes_of(sent));
    for (;;) {
        const step found = reader.next();
        const int status = reader.parser().head().status();
        if (found.kind == event::head && (status >= 200 || status == 101)) {
            if (status == 101)
                reader.next();  // it says done
            co_return;
        }
        if (found.kind == event::done) {
            reader.parser().reset();  // after an interim response
        } else if (found.kind == event::failed) {
            throw protocol_error(reader.parser().error(), reader.parser().error_text());
        } else if (found.kind == event::need_more) {
            const std::size_t count = co_await stream.read(reader.room());
            reader.filled(count);
            if (count == 0)
                throw io::end_of_stream("wait for the answer of " + stream.name() + " to a WebSocket handshake");
        }
    }
}

}  // namespace

task<websocket> start_websocket(io::any_stream stream, std::string host, std::string target,
                                websocket_options options, fields more) {
    const std::string key = detail::make_key();
    const std::string sent = request_of(host, target, key, options, more);
    message_reader reader(reads::responses, limits::client());
    auto shaking = shake_hands(stream, reader, sent);
    co_await with_timeout(options.patience(), std::move(shaking));
    const message_head& answer = reader.parser().head();
    const detail::extension_choice extensions = detail::judge_extensions(answer.fields(), options);
    std::string wrong = detail::judge_response(answer, key, options);
    if (wrong.empty())
        wrong = extensions.why;
    if (!wrong.empty())
        throw websocket_error(close_code::lost, "websocket with " + stream.name() + ": " + wrong);
    std::string protocol(answer.fields().get_or("sec-websocket-protocol", {}));
    io::any_stream rest(begun_stream(std::move(stream), std::string(reader.unread())));
    co_return websocket(std::move(rest), websocket::side::client, options, std::move(protocol), nullptr,
                        extensions.agreed);
}

task<websocket> connect_websocket(std::string url, websocket_options options, fields more,
                                  std::shared_ptr<const tls::context> trusted) {
    const net::url parsed = net::url::parse(url);
    if (parsed.scheme() != "ws" && parsed.scheme() != "wss")
        throw std::invalid_argument("url '" + net::detail::without_password(url) +
                                    "': a WebSocket begins with ws:// or wss://");
    std::string host(parsed.host()), authority(parsed.authority()), target(parsed.target());
    auto connecting = net::connect(std::move(host), parsed.port());
    io::any_stream stream(co_await std::move(connecting));
    if (parsed.is_secure()) {
        auto securing = detail::secured(std::move(stream), parsed, trusted);
        stream = co_await std::move(securing);
    }
    auto starting = start_websocket(std::move(stream), std::move(authority), std::move(target), std::move(options),
                                    std::move(more));
    co_return co_await std::move(starting);
}

}  // namespace ringlet::http
