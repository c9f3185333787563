#include <ringlet/net/http_events.hpp>

#include <chrono>
#include <stdexcept>

namespace ringlet::http {
namespace {

void refuse_breaks(std::string_view what, std::string_view text) {
    if (text.find_first_of(std::string_view("\r\n\0", 3)) != text.npos)
        throw std::invalid_argument("server-sent event: its " + std::string(what) +
                                    " has a line break or a NUL byte");
}

void append_line(std::string& out, std::string_view name, std::string_view value) {
    out.append(name).append(": ").append(value).append("\n");
}

}  // namespace

std::string server_event::text() const {
    refuse_breaks("name", name_);
    refuse_breaks("id", id_.value_or(""));
    std::string out;
    if (!name_.empty())
        append_line(out, "event", name_);
    if (id_)
        append_line(out, "id", *id_);
    if (retry_)
        append_line(out, "retry",
                    std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(*retry_).count()));
    // CR, LF and CRLF all end a line there.
    for (std::string_view rest = data_;;) {
        const auto end = rest.find_first_of("\r\n");
        append_line(out, "data", rest.substr(0, end));
        if (end == rest.npos)
            break;
        rest.remove_prefix(end + (rest.substr(end, 2) == "\r\n" ? 2 : 1));
    }
    out += '\n';
    return out;
}

event_stream::event_stream(request& asked, response_writer& out) : asked_(asked), out_(out) {
    // X-Accel-Buffering: nginx in front would hold events back.
    out.set("Content-Type", "text/event-stream").set("Cache-Control", "no-cache").set("X-Accel-Buffering", "no");
}

std::string event_stream::last_id() const { return std::string(asked_.get("last-event-id").value_or("")); }

task<> event_stream::send(const server_event& e) {
    const std::string text = e.text();
    co_await out_.write(text);
}

task<> event_stream::keep_alive() { return out_.write(":\n"); }

}  // namespace ringlet::http
