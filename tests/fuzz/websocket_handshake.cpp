// Handshakes of websockets: what a server agrees to, a client that had offered it takes from its answer, and
// both then mean the same; nothing is agreed on that was not offered. The first byte chooses who listens and
// how messages may be compressed.
#include "http_fuzz.hpp"

#include <ringlet/net/ascii_private.hpp>
#include <ringlet/net/websocket_deflate_private.hpp>
#include <ringlet/net/websocket_extensions_private.hpp>
#include <ringlet/net/websocket_handshake_private.hpp>

using namespace ringlet;
using fuzz::require;

namespace {

http::websocket_options options_of(unsigned choice) {
    http::websocket_options options;
    options.protocols({"chat", "superchat"});
    if ((choice & 1) != 0)
        options.origins({"https://example.org"});
    if ((choice & 2) != 0)
        options.compress(http::message_compression().window_bits(9 + choice / 8 % 7).keep_context((choice & 4) != 0));
    return options;
}

void check(const http::agreed_compression& c) {
    require(c.sent_bits >= 8 && c.sent_bits <= 15 && c.received_bits >= 8 && c.received_bits <= 15);
}

/// What this server says to those offers, a client reads as it was meant, if it was it that offered them.
void try_offers(const http::fields& asked, const http::websocket_options& options) {
    const auto chosen = http::detail::choose_extensions(asked, options);
    require(chosen.agreed.has_value() == !chosen.answer.empty());
    require(chosen.why.empty() || !chosen.agreed);
    if (!chosen.agreed)
        return;
    require(options.compression() && http::detail::can_deflate());
    check(*chosen.agreed);
    require(chosen.agreed->sent_bits <= options.compression()->window_bits());
    const auto own_answer = http::detail::choose_extensions(
        {{"Sec-WebSocket-Extensions", http::detail::offered_extensions(options)}}, options);
    const auto taken = http::detail::judge_extensions({{"Sec-WebSocket-Extensions", own_answer.answer}}, options);
    require(taken.why.empty() && taken.agreed && own_answer.agreed);
    require(taken.agreed->sent_bits == own_answer.agreed->received_bits &&
            taken.agreed->received_bits == own_answer.agreed->sent_bits &&
            taken.agreed->sender_forgets == own_answer.agreed->receiver_forgets &&
            taken.agreed->receiver_forgets == own_answer.agreed->sender_forgets);
    // An answer of ours is also an offer that is understood, by one who has no wishes.
    http::websocket_options open;
    open.compress(http::message_compression().window_bits(15));
    require(http::detail::choose_extensions({{"Sec-WebSocket-Extensions", chosen.answer}}, open).agreed.has_value());
}

void try_request(const http::message_head& asked, const http::websocket_options& options) {
    const auto verdict = http::detail::judge_handshake(asked, options);
    require((verdict.status == 0) == verdict.why.empty());
    const http::fields& f = asked.fields();
    if (verdict.status == 0) {
        require(asked.method() == "GET" && f.get("sec-websocket-version") == "13" &&
                f.count("sec-websocket-key") == 1);
        const std::string accept = http::detail::accept_of(*f.get("sec-websocket-key"));
        require(accept.size() == 28 && accept.ends_with('='));
        if (!options.origins().empty())
            require(net::ascii::iequals(f.get_or("origin", "https://example.org"), "https://example.org"));
    }
    const std::string protocol = http::detail::choose_protocol(f, options);
    require(protocol.empty() || f.has_token("sec-websocket-protocol", protocol));
    try_offers(f, options);
}

void try_response(const http::message_head& answer, const http::websocket_options& options) {
    constexpr std::string_view key = "dGhlIHNhbXBsZSBub25jZQ==";
    const std::string why = http::detail::judge_response(answer, key, options);
    require(net::ascii::is_ascii(why) && why.size() < 500);
    if (why.empty())
        require(answer.status() == 101 && answer.get("sec-websocket-accept") == http::detail::accept_of(key));
    const auto judged = http::detail::judge_extensions(answer.fields(), options);
    if (!judged.agreed)
        return;
    require(judged.why.empty() && options.compression() && http::detail::can_deflate());
    check(*judged.agreed);
    require(judged.agreed->sent_bits <= options.compression()->window_bits());
    require(judged.agreed->sender_forgets || options.compression()->keep_context());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0)
        return 0;
    const bool asks = (data[0] & 1) == 0;
    const http::websocket_options options = options_of(data[0] / 2);
    // The exact size on the heap: the sanitizer sees a byte too far.
    const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
    http::parser parser(asks ? http::reads::requests : http::reads::responses, http::limits());
    if (parser.try_feed(text).kind != http::event::head)
        return 0;
    asks ? try_request(parser.head(), options) : try_response(parser.head(), options);
    return 0;
}
