#include "http_world.hpp"

namespace story {

void add_pages(http::server& server) {
    using http::request;
    using http::response;
    using http::response_writer;
    server.handle("/", [](request& asked) -> task<response> {
        co_return std::string(asked.method()) + " " + std::string(asked.path());
    });
    server.handle("/echo", [](request& asked) -> task<response> { co_return co_await asked.read_all(); });
    server.handle("/ignore", [](request&) -> task<response> { co_return "ignored"; });
    server.handle("/slow", [](request&) -> task<response> {
        co_await ringlet::sleep_for(1s);
        co_return "slow";
    });
    server.handle("/throws", [](request&) -> task<response> {
        co_await ringlet::yield();
        throw std::runtime_error("boom");
    });
    server.handle("/pieces", [](request&, response_writer& out) -> task<> {
        co_await out.write("one");
        co_await ringlet::sleep_for(1s);
        co_await out.write("two");
        out.trailers().add("Sum", "6");
    });
    server.handle("/length", [](request&, response_writer& out) -> task<> {
        out.status(201, "Made").set("X-A", "b").length(6);
        co_await out.write("abc");
        co_await out.write("def");
    });
    server.handle("/breaks", [](request&, response_writer& out) -> task<> {
        co_await out.write("begun");
        throw std::runtime_error("boom");
    });
    server.handle("/short", [](request&, response_writer& out) -> task<> {
        out.length(6);
        co_await out.write("abc");
    });
    server.handle("/blocks", [](request& asked) {
        ringlet::await(ringlet::sleep_for(1s));
        return http::response(ringlet::await(asked.read_all()));
    });
    server.handle("/blocks/pieces", [](request&, response_writer& out) {
        ringlet::await(out.write("one"));
        ringlet::await(ringlet::sleep_for(1s));
        ringlet::await(out.write("two"));
    });
    server.handle("/large", [](request&) -> task<response> { co_return std::string(1 << 20, 'x'); });
}

namespace {

std::string without_date(std::string text) {
    for (std::size_t at; (at = text.find("Date: ")) != text.npos;)
        text.erase(at, text.find("\r\n", at) + 2 - at);
    return text;
}

}  // namespace

visit::visit(http::server& server, std::pair<io::memory_stream, io::memory_stream> ends)
    : end(std::move(ends.first)) {
    auto work = server.serve_stream(io::any_stream(std::move(ends.second)));
    serving = ringlet::spawn([](task<> t) -> task<> { co_await std::move(t); }, std::move(work));
}

task<bool> visit::more(std::string& into) {
    char buffer[4096];
    const auto count = co_await end.read(std::as_writable_bytes(std::span(buffer)));
    into.append(buffer, count);
    co_return count > 0;
}

task<> visit::say(std::string_view text) { co_await end.write_all(io::bytes_of(text)); }

task<std::string> visit::hear() {
    std::string all;
    while (co_await more(all)) {}
    co_return without_date(std::move(all));
}

task<std::string> visit::hear_until(std::string_view last) {
    while (heard_.find(last) == heard_.npos)
        if (!co_await more(heard_))
            break;
    const auto size = std::min(heard_.find(last), heard_.size() - last.size()) + last.size();
    std::string text = heard_.substr(0, size);
    heard_.erase(0, size);
    co_return without_date(std::move(text));
}

task<> visit::leave() { co_await end.shutdown(); }

std::string answers(std::string_view sent, const http::server_options& options) {
    return in_virtual_time([&]() -> task<std::string> {
        http::server server(options);
        add_pages(server);
        visit v(server);
        const auto talk = ringlet::spawn([&]() -> task<> {
            co_await v.say(sent);
            co_await v.leave();
        });
        std::string heard = co_await v.hear();
        co_await talk.join();
        co_await v.serving.get();
        co_return heard;
    });
}

std::string answer(std::string_view body, std::string_view status, std::string_view more) {
    return "HTTP/1.1 " + std::string(status) + "\r\nContent-Type: text/plain; charset=utf-8\r\n" + std::string(more) +
           "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

}  // namespace story
