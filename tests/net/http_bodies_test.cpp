// Bodies both ways: what is uploaded from memory, files and functions, and what is downloaded piece by
// piece, by lines, or compressed. Against a server of ours over memory streams; files are real.

#include "support/client_world.hpp"
#include "support/sweep.hpp"

#include <ringlet/core/run.hpp>
#include <ringlet/core/sleep.hpp>
#include <ringlet/core/timeout.hpp>
#include <ringlet/io/file.hpp>
#include <ringlet/net/http_server.hpp>
#include <ringlet/net/multipart.hpp>

#include <gmock/gmock.h>

#include <unistd.h>

namespace net_http_bodies_test {

using namespace ringlet;
using story::hear;
using story::in_virtual_time;
using story::say;
using story::world;
using testing::HasSubstr;

/// A server that tells what it was sent, behind a client's every connection.
class echo {
public:
    explicit echo(const http::client_options& options = {}) : w(options) {
        server_.handle("/", [](http::request& asked) -> task<http::response> {
            std::string told = asked.fields().contains("content-length") ? "length " : "chunks ";
            told += asked.fields().get_or("content-type", "-");
            told += '\n';
            told += co_await asked.read_all();
            co_return told;
        });
        accepting_ = spawn([this]() -> task<> {
            for (;;) {
                auto serve_it = [this](io::memory_stream end) {
                    return server_.serve_stream(io::any_stream(std::move(end)));
                };
                spawn(serve_it, co_await w.accept());
            }
        });
    }
    task<> leave() {
        w.client.close_idle();
        (void)co_await server_.stop();
        accepting_.kill();
        co_await accepting_.join();
    }
    world w;

private:
    http::server server_;
    greenlet<> accepting_;
};

std::string told_of(http::request_body body, const http::fields& fields = {}) {
    return run([&]() -> task<std::string> {
        echo e;
        http::request_options options;
        options.fields = fields;
        const http::reply r = co_await e.w.client.post("http://h/", std::move(body), options);
        co_await e.leave();
        co_return r.body;
    });
}

/// A file that goes with the test.
class temporary_file {
public:
    explicit temporary_file(std::string_view content) {
        const int fd = ::mkstemp(path.data());
        EXPECT_EQ(::write(fd, content.data(), content.size()), static_cast<ssize_t>(content.size()));
        ::close(fd);
    }
    ~temporary_file() { ::unlink(path.c_str()); }
    std::string path = "/tmp/ringlet-test-XXXXXX";
};

/// Gives "piece0 ", "piece1 " ... `count` of them.
http::request_body::reader pieces(int count) {
    return [count, next = 0](std::span<std::byte> into) mutable -> task<std::size_t> {
        if (next == count)
            co_return 0;
        const std::string text = "piece" + std::to_string(next++) + ' ';
        std::memcpy(into.data(), text.data(), text.size());
        co_return text.size();
    };
}

// --- up ----------------------------------------------------------------------------------------------

TEST(http_bodies, bytes_and_files_have_a_length_and_functions_come_in_chunks) {
    const temporary_file f("file content");
    const std::string large(200'000, 'x');
    EXPECT_EQ(told_of("bytes"), "length -\nbytes");
    EXPECT_EQ(told_of(large), "length -\n" + large);
    EXPECT_EQ(told_of(http::request_body::file(f.path)), "length -\nfile content");
    EXPECT_EQ(told_of(http::request_body::from(pieces(3))), "chunks -\npiece0 piece1 piece2 ");
    EXPECT_EQ(told_of(http::request_body::from(pieces(0))), "chunks -\n");
    EXPECT_EQ(told_of(http::request_body::from(pieces(2), 14)), "length -\npiece0 piece1 ");
    http::request_body mixed("first ");
    mixed.append(http::request_body::file(f.path))
        .append(" between ")
        .append(http::request_body::from(pieces(1)))
        .append("last");
    EXPECT_EQ(told_of(mixed), "chunks -\nfirst file content between piece0 last");
}

TEST(http_bodies, a_stream_is_sent_as_it_comes) {
    in_virtual_time([]() -> task<> {
        echo e;
        auto [near, far] = io::duplex();
        auto body = http::request_body::from_stream(std::move(far));
        const auto page = spawn([&] { return e.w.client.post("http://h/", body); });
        co_await say(near, "one ");
        co_await sleep_for(1s);
        co_await say(near, "two");
        co_await near.shutdown();
        EXPECT_EQ((co_await page.get()).body, "chunks -\none two");
        co_await e.leave();
    });
}

TEST(http_bodies, a_body_that_is_not_as_announced_fails_and_says_so) {
    run([]() -> task<> {
        echo e;
        const auto error = [&](http::request_body body) -> task<std::string> {
            try {
                (void)co_await e.w.client.post("http://h/", std::move(body));
            } catch (const http::request_error& failed) {
                co_return failed.what();
            }
            co_return "none";
        };
        EXPECT_THAT(co_await error(http::request_body::from(pieces(2), 20)),
                    HasSubstr("it ended after 14 of 20 bytes"));
        EXPECT_THAT(co_await error(http::request_body::from(pieces(2), 10)),
                    HasSubstr("it is longer than the 10 bytes announced"));
        EXPECT_THAT(co_await error(http::request_body::file("/no/such/file")),
                    HasSubstr("open /no/such/file: No such file"));
        EXPECT_EQ(e.w.client.idle(), 0u);
        co_await e.leave();
    });
}

TEST(http_bodies, a_server_that_refuses_a_body_need_not_read_it) {
    in_virtual_time([]() -> task<> {
        world w;
        const auto page = spawn([&] { return w.client.post("http://h/", std::string(10'000'000, 'x')); });
        auto end = co_await w.accept();
        (void)co_await hear(end);
        co_await say(end, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 413 Too Much\r\nContent-Length: 2\r\n\r\nno");
        const time_point start = loop::current().now();
        const http::reply r = co_await page.get();
        EXPECT_EQ(r.status, 413);
        EXPECT_EQ(r.body, "no");
        EXPECT_LT(loop::current().now() - start, 1s);
        EXPECT_EQ(w.client.idle(), 0u) << "the server waits for the rest of the body on it";
    });
}

TEST(http_bodies, nor_a_small_one_that_finds_no_room) {
    in_virtual_time([]() -> task<> {
        world w({}, 1000);
        const auto page = spawn([&] { return w.client.post("http://h/", std::string(10'000, 'x')); });
        auto end = co_await w.accept();
        (void)co_await hear(end);
        co_await say(end, "HTTP/1.1 413 Too Much\r\nContent-Length: 2\r\n\r\nno");
        const time_point start = loop::current().now();
        const http::reply r = co_await page.get();
        EXPECT_EQ(r.status, 413);
        EXPECT_EQ(r.body, "no");
        EXPECT_LT(loop::current().now() - start, 1s);
        EXPECT_EQ(w.client.idle(), 0u) << "the server waits for the rest of the body on it";
    });
}

TEST(http_bodies, an_answer_is_heard_though_its_server_takes_no_more_of_the_body) {
    for (const std::size_t size : {10'000u, 1'000'000u})
        in_virtual_time([&]() -> task<> {
            world w({}, 1000);
            const auto page = spawn([&] { return w.client.post("http://h/", std::string(size, 'x')); });
            auto end = co_await w.accept();
            (void)co_await hear(end);
            co_await say(end, story::ok);
            const time_point start = loop::current().now();
            EXPECT_EQ((co_await page.get()).body, "hello");
            EXPECT_EQ(story::since(start), "30 s") << "it might have wanted it all the same";
            EXPECT_EQ(w.client.idle(), 0u);
        });
}

TEST(http_bodies, a_server_that_answers_early_gets_all_of_the_body) {
    in_virtual_time([]() -> task<> {
        world w;
        const auto page = spawn([&] { return w.client.post("http://h/", std::string(1'000'000, 'x')); });
        auto end = co_await w.accept();
        (void)co_await hear(end);
        co_await say(end, story::ok);
        co_await sleep_for(1s);
        std::string all(1'000'000, '-');
        co_await io::read_exact(end, std::as_writable_bytes(std::span(all)));
        EXPECT_EQ(all, std::string(1'000'000, 'x'));
        EXPECT_EQ((co_await page.get()).body, "hello");
        EXPECT_EQ(w.client.idle(), 1u);
    });
}

task<> answer_as_it_comes(http::request& asked, http::response_writer& out) {
    char room[5000];
    while (const std::size_t count = co_await asked.read(std::as_writable_bytes(std::span(room))))
        co_await out.write({room, count});
}

TEST(http_bodies, a_server_may_answer_as_it_reads) {
    for (const bool by_http2 : {false, true})
        in_virtual_time([&]() -> task<> {
            world w(by_http2 ? story::by_http2() : http::client_options(), 1000);
            http::server server;
            server.handle("/", &answer_as_it_comes);
            co_await with_group([&](group& g) -> task<> {
                g.spawn(story::serve_all, std::ref(w), std::ref(server), std::ref(g));
                const std::string body(1'000'000, 'x');
                const time_point start = loop::current().now();
                EXPECT_TRUE((co_await w.client.post("http://h/", body)).body == body);
                http::request_options options;
                options.body = body;
                http::incoming in = co_await w.client.open("POST", "http://h/", std::move(options));
                EXPECT_TRUE(co_await in.read_all() == body) << "piece by piece";
                EXPECT_LT(loop::current().now() - start, 1s);
                g.cancel();
            });
        });
}

TEST(http_bodies, a_server_may_answer_before_it_reads) {
    in_virtual_time([]() -> task<> {
        world w({}, 1000);
        const std::string body(100'000, 'x'), answer(1'000'000, 'y');
        const auto page = spawn([&] { return w.client.post("http://h/", body); });
        auto end = co_await w.accept();
        (void)co_await hear(end);
        co_await say(end, story::response_of("200 OK", "", answer));
        std::string all(body.size(), '-');
        co_await io::read_exact(end, std::as_writable_bytes(std::span(all)));
        EXPECT_TRUE(all == body);
        EXPECT_TRUE((co_await page.get()).body == answer);
        EXPECT_EQ(w.client.idle(), 1u);
        const auto other = spawn([&] { return w.client.get("http://h/"); });
        (void)co_await hear(end);
        co_await say(end, story::ok);
        EXPECT_EQ((co_await other.get()).body, "hello");
    });
}

TEST(http_bodies, a_source_that_takes_too_long_is_an_error_though_the_server_has_answered) {
    in_virtual_time([]() -> task<> {
        world w;
        const auto source = [](std::span<std::byte>) -> task<std::size_t> {
            co_await with_timeout(1s, sleep_for(1h));
            co_return 0;
        };
        const auto page = spawn([&] { return w.client.post("http://h/", http::request_body::from(source)); });
        auto end = co_await w.accept();
        (void)co_await hear(end);
        co_await say(end, story::ok);
        const auto outcome = co_await as_result(page.get());
        EXPECT_EQ(outcome.error(), std::errc::timed_out);
    });
}

TEST(http_bodies, a_form_with_files_is_multipart) {
    const temporary_file f("file content");
    http::multipart form("BOUNDARY");
    form.add("a", "1").add_file("b\"\r\n", f.path, "", "text/plain").add_content("c", "c.bin", "bytes");
    const http::fields type{{"Content-Type", form.content_type()}};
    EXPECT_EQ(told_of(std::move(form).body(), type),
              "length multipart/form-data; boundary=BOUNDARY\n"
              "--BOUNDARY\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n"
              "--BOUNDARY\r\nContent-Disposition: form-data; name=\"b%22%0D%0A\"; filename=\"" +
                  f.path.substr(5) +
                  "\"\r\nContent-Type: text/plain\r\n\r\nfile content\r\n"
                  "--BOUNDARY\r\nContent-Disposition: form-data; name=\"c\"; filename=\"c.bin\"\r\n"
                  "Content-Type: application/octet-stream\r\n\r\nbytes\r\n--BOUNDARY--\r\n");
    EXPECT_NE(http::multipart().content_type(), http::multipart().content_type());
}

TEST(http_bodies, params_become_the_query) {
    in_virtual_time([]() -> task<> {
        world w;
        http::request_options options;
        options.params = {{"q", "a b"}};
        const auto page = spawn([&] { return w.client.get("http://h/x?y=z#f", options); });
        auto end = co_await w.accept();
        EXPECT_THAT(co_await hear(end), testing::StartsWith("GET /x?y=z&q=a+b HTTP/1.1"));
        co_await say(end, story::ok);
        EXPECT_EQ((co_await page.get()).url, "http://h/x?y=z&q=a+b#f");
    });
}

// --- down --------------------------------------------------------------------------------------------

const std::string gzipped(
    "\037\213\010\000\000\000\000\000\002\003\313\110\315\311\311\127\310\100\047\271\000\000\210\131\013\030\000\000"
    "\000",
    29);

/// What comes of one answer: the body, or the error.
std::string body_of(const std::string& answer, const http::request_options& options = {},
                    const std::string& method = "GET") {
    return in_virtual_time([&]() -> task<std::string> {
        world w;
        const auto server = spawn(story::serve, std::ref(w), std::vector{answer});
        std::string got;
        try {
            got = (co_await w.client.fetch(method, "http://h/", options)).body;
        } catch (const http::request_error& e) {
            got = e.what();
        }
        co_await server.join();
        co_return got;
    });
}

TEST(http_bodies, compression_is_undone) {
    if (http::supported_codings().find("gzip") == std::string_view::npos)
        GTEST_SKIP();
    const std::string answer = story::response_of("200 OK", "Content-Encoding: gzip\r\n", gzipped);
    EXPECT_EQ(body_of(answer).substr(0, 12), "hello hello ");
    http::request_options raw;
    raw.decompress = false;
    EXPECT_EQ(body_of(answer, raw), gzipped);
    EXPECT_EQ(body_of("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 29\r\n\r\n", {}, "HEAD"), "");
    EXPECT_EQ(body_of(story::response_of("200 OK", "Content-Encoding: gzip\r\n", "")), "");
    EXPECT_EQ(body_of(story::response_of("200 OK", "Content-Encoding: rot13\r\n", "uryyb")), "uryyb");
    EXPECT_EQ(body_of(story::response_of("200 OK", "Content-Encoding: gzip\r\n", "hello")),
              "GET http://h/: gzip body: the compressed data is malformed");
    EXPECT_EQ(body_of("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + gzipped.substr(0, 20)),
              "GET http://h/: gzip body: the compressed data ends early");
    http::request_options small;
    small.body_limit = 30;
    EXPECT_EQ(body_of(story::response_of("200 OK", "", std::string(30, 'x')), small).size(), 30u);
    EXPECT_THAT(body_of(story::response_of("200 OK", "", std::string(31, 'x')), small),
                HasSubstr("larger than the limit"));
}

TEST(http_bodies, lines_are_read_one_by_one) {
    in_virtual_time([]() -> task<> {
        world w;
        const auto server = spawn([&]() -> task<> {
            auto end = co_await w.accept();
            (void)co_await hear(end);
            co_await say(end, "HTTP/1.1 200 OK\r\n\r\none\r\n\nth");
            co_await sleep_for(1s);
            co_await say(end, "ree\nrest of it");
            co_await end.shutdown();
        });
        http::incoming in = co_await w.client.open("GET", "http://h/");
        EXPECT_EQ(co_await in.read_line(), "one");
        EXPECT_EQ(co_await in.read_line(), "");
        EXPECT_EQ(co_await in.read_line(), "three");
        std::byte four[4];
        EXPECT_EQ(co_await in.read(four), 4u);
        EXPECT_EQ(co_await in.read_line(), " of it");
        EXPECT_EQ(co_await in.read_line(), std::nullopt);
        co_await server.join();
    });
    in_virtual_time([]() -> task<> {
        world w;
        const auto server =
            spawn(story::serve, std::ref(w), std::vector{"HTTP/1.1 200 OK\r\n\r\n" + std::string(10'000, 'x')});
        http::incoming in = co_await w.client.open("GET", "http://h/");
        try {
            (void)co_await in.read_line(100);
            ADD_FAILURE();
        } catch (const http::request_error& e) {
            EXPECT_STREQ(e.what(), "GET http://h/: no end of line within 100 bytes");
        }
        co_await server.join();
    });
}

TEST(http_bodies, who_reads_slowly_slows_the_server_down) {
    in_virtual_time([]() -> task<> {
        world w;
        std::size_t sent = 0;
        const auto server = spawn([&]() -> task<> {
            auto end = co_await w.accept();
            (void)co_await hear(end);
            co_await say(end, "HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n");
            const std::string part(10'000, 'x');
            for (; sent < 10'000'000; sent += part.size())
                co_await say(end, part);
        });
        http::incoming in = co_await w.client.open("GET", "http://h/");
        std::byte buffer[100];
        (void)co_await in.read(buffer);
        co_await sleep_for(10s);
        EXPECT_LT(sent, 200'000u);
        EXPECT_EQ((co_await in.read_all()).size(), 10'000'000u - 100);
        co_await server.join();
    });
}

TEST(http_bodies, can_be_killed_at_every_moment_of_an_upload_that_nobody_reads) {
    const std::size_t moments = story::sweep([]() -> task<> {
        world w({}, 1000);
        const auto refuse = [&]() -> task<> {
            auto end = co_await w.accept();
            (void)co_await hear(end);
            co_await sleep_for(1s);
            co_await say(end, "HTTP/1.1 413 Too Much\r\nContent-Length: 0\r\n\r\n");
            co_await sleep_for(1s);
        };
        co_await with_group([&](group& g) -> task<> {
            g.spawn(refuse);
            EXPECT_EQ((co_await w.client.post("http://h/", std::string(10'000, 'x'))).status, 413);
        });
    });
    EXPECT_GT(moments, 2u);
}

TEST(http_bodies, can_be_killed_at_every_moment_of_an_upload) {
    const std::size_t moments = story::sweep([]() -> task<> {
        world w;
        http::server server;
        server.handle("/", [](http::request& asked) -> task<http::response> { co_return co_await asked.read_all(); });
        co_await with_group([&](group& g) -> task<> {
            g.spawn(story::serve_all, std::ref(w), std::ref(server), std::ref(g));
            http::request_body body(std::string(100'000, 'x'));
            body.append(http::request_body::from(pieces(5)));
            EXPECT_GT((co_await w.client.post("http://h/", std::move(body))).body.size(), 100'000u);
            g.cancel();
        });
    });
    EXPECT_GT(moments, 2u);
}

TEST(http_bodies, can_be_killed_at_every_moment_of_an_upload_that_is_answered_meanwhile) {
    for (const bool by_http2 : {false, true}) {
        const std::size_t moments = story::sweep([&]() -> task<> {
            world w(by_http2 ? story::by_http2() : http::client_options(), 1000);
            http::server server;
            server.handle("/", &answer_as_it_comes);
            co_await with_group([&](group& g) -> task<> {
                g.spawn(story::serve_all, std::ref(w), std::ref(server), std::ref(g));
                EXPECT_EQ((co_await w.client.post("http://h/", std::string(20'000, 'x'))).body.size(), 20'000u);
                g.cancel();
            });
        });
        EXPECT_GT(moments, 2u);
    }
}

}  // namespace net_http_bodies_test
