#include <ringlet/net/websocket_server.hpp>

#include <ringlet/core/report.hpp>
#include <ringlet/net/http_stop_sign_private.hpp>
#include <ringlet/net/websocket_extensions_private.hpp>
#include <ringlet/net/websocket_handshake_private.hpp>

#include <exception>
#include <memory>

namespace ringlet::http::detail {
namespace {

struct what_to_do {
    websocket_body body;
    websocket_options options;
};

void refuse(response_writer& out, const handshake_verdict& v) {
    if (v.status == 426)
        out.set("Upgrade", "websocket").set("Sec-WebSocket-Version", "13").set("Connection", "Upgrade");
    if (v.status == 405)
        out.set("Allow", "GET");
    out.status(v.status).set("Content-Type", response::plain_text);
    out.send(std::string(v.why) + '\n');
}

task<> serve(const what_to_do& what, request& asked, response_writer& out) {
    handshake_verdict v = judge_handshake(asked.head(), what.options);
    const extension_choice extensions = choose_extensions(asked.fields(), what.options);
    if (v.status == 0 && !extensions.why.empty())
        v = {400, extensions.why};
    if (v.status != 0) {
        refuse(out, v);
        co_return;
    }
    std::string protocol = choose_protocol(asked.fields(), what.options);
    out.set("Sec-WebSocket-Accept", accept_of(*asked.get("sec-websocket-key")));
    if (!protocol.empty())
        out.set("Sec-WebSocket-Protocol", protocol);
    if (!extensions.answer.empty())
        out.set("Sec-WebSocket-Extensions", extensions.answer);
    io::any_stream stream = co_await out.upgrade("websocket");
    websocket peer(std::move(stream), websocket::side::server, what.options, std::move(protocol), stop_sign_of(out),
                   extensions.agreed);
    std::exception_ptr error;
    try {
        co_await what.body(peer, asked);
    } catch (const canceled&) {
        throw;
    } catch (...) {
        error = std::current_exception();
    }
    if (peer.failed())
        co_return;  // the peer's fault, or the line's; nobody is there to be told
    if (error)
        report("http server: " + std::string(asked.method()) + ' ' + std::string(asked.target()) + " from " +
               asked.peer() + ": " + describe(error));
    co_await peer.close(error ? close_code::internal_error : close_code::normal);
}

}  // namespace

handler websocket_handler(websocket_body body, websocket_options options) {
    const auto what = std::make_shared<const what_to_do>(what_to_do{std::move(body), std::move(options)});
    return [what](request& asked, response_writer& out) { return serve(*what, asked, out); };
}

}  // namespace ringlet::http::detail
