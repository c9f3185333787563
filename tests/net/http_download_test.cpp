// Downloads into files: complete or not there, resumed where they broke, and what servers do to them.

#include "support/client_world.hpp"
#include "support/scratch.hpp"
#include "support/sweep.hpp"

#include <ringlet/core/run.hpp>
#include <ringlet/net/http_download.hpp>

#include <gmock/gmock.h>

namespace net_http_download_test {

using namespace ringlet;
using story::hear;
using story::say;
using story::world;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

/// What is said to one request after the other; each connection ends after its answer.
struct script {
    std::vector<std::string> answers;
    std::vector<std::string> heard{};
};

task<> play(world& w, script& s) {
    for (const std::string& text : s.answers) {
        auto end = co_await w.accept();
        s.heard.push_back(co_await hear(end));
        co_await say(end, text);
        co_await end.shutdown();
    }
}

struct outcome {
    http::downloaded result;
    std::string error;
    std::vector<std::uint64_t> steps;
};

outcome fetch(const story::scratch_folder& folder, script& s, http::download_options options = {},
              const std::string& url = "http://h/f") {
    return run([&]() -> task<outcome> {
        outcome o;
        world w;
        const auto server = spawn(play, std::ref(w), std::ref(s));
        options.backoff = 0s;
        options.on_progress = [&](const http::progress& p) { o.steps.push_back(p.done); };
        try {
            o.result = co_await http::download(w.client, url, folder.at("file"), options);
        } catch (const std::system_error& e) {
            o.error = e.what();
        }
        server.kill();
        co_await server.join();
        co_return o;
    });
}

const std::string head = "HTTP/1.1 200 OK\r\nETag: \"1\"\r\nContent-Length: 10\r\n\r\n";
const std::string part = "HTTP/1.1 206 Partial Content\r\nETag: \"1\"\r\n";

std::string rest(int from, int length = 10) {
    return part + "Content-Range: bytes " + std::to_string(from) +
           "-9/10\r\nContent-Length: " + std::to_string(length - from) + "\r\n\r\n" +
           std::string("0123456789").substr(static_cast<std::size_t>(from));
}

TEST(http_download, a_file_appears_when_it_is_complete) {
    const story::scratch_folder folder;
    script s{{head + "0123456789"}};
    const outcome o = fetch(folder, s);
    EXPECT_EQ(o.error, "");
    EXPECT_EQ(o.result.size, 10u);
    EXPECT_EQ(folder.read("file"), "0123456789");
    EXPECT_FALSE(folder.has("file.part"));
    EXPECT_FALSE(folder.has("file.part.info"));
    EXPECT_THAT(o.steps, ElementsAre(10));
    EXPECT_THAT(s.heard.at(0), HasSubstr("Accept-Encoding: identity\r\n"));
    EXPECT_THAT(s.heard.at(0), Not(HasSubstr("Range")));
}

TEST(http_download, what_breaks_goes_on_where_it_was) {
    const story::scratch_folder folder;
    script s{{head + "012", rest(3).substr(0, rest(3).size() - 3), "", rest(7)}};
    const outcome o = fetch(folder, s);
    EXPECT_EQ(o.error, "");
    EXPECT_EQ(folder.read("file"), "0123456789");
    EXPECT_EQ(o.result.attempts, 4u);
    EXPECT_EQ(o.result.resumed_at, 0u);
    EXPECT_THAT(s.heard.at(1), HasSubstr("Range: bytes=3-\r\nIf-Range: \"1\"\r\n"));
    EXPECT_THAT(s.heard.at(3), HasSubstr("Range: bytes=7-\r\n"));
}

TEST(http_download, what_is_left_of_an_earlier_call_is_used_too) {
    const story::scratch_folder folder;
    folder.write("file", "old");
    http::download_options once;
    once.attempts = 1;
    script breaks{{head + "0123", ""}};
    EXPECT_THAT(fetch(folder, breaks, once).error, HasSubstr("closed before the first byte"));
    EXPECT_EQ(folder.read("file"), "old") << "until the new one is complete";
    EXPECT_EQ(folder.read("file.part"), "0123");
    script goes_on{{rest(4)}};
    EXPECT_EQ(fetch(folder, goes_on).result.resumed_at, 4u);
    EXPECT_EQ(folder.read("file"), "0123456789");
}

TEST(http_download, a_password_is_not_noted_and_what_is_left_is_known_all_the_same) {
    const story::scratch_folder folder;
    http::download_options once;
    once.attempts = 1;
    const auto resumed_at = [&](const std::string& url, const std::string& answer) {
        script breaks{{head + "0123", ""}};
        EXPECT_THAT(fetch(folder, breaks, once, "http://me:secret@h/f").error,
                    HasSubstr("closed before the first byte"));
        EXPECT_THAT(folder.read("file.part.info"), Not(HasSubstr("secret")));
        script goes_on{{answer}};
        const outcome o = fetch(folder, goes_on, once, url);
        EXPECT_EQ(o.error, "");
        EXPECT_EQ(folder.read("file"), "0123456789");
        return o.result.resumed_at;
    };
    EXPECT_EQ(resumed_at("http://me:secret@h/f", rest(4)), 4u);
    EXPECT_EQ(resumed_at("http://me:changed@h/f", rest(4)), 4u);
    const std::string all = head + "0123456789";
    EXPECT_EQ(resumed_at("http://you:secret@h/f", all), 0u) << "that is another resource";
    EXPECT_EQ(resumed_at("http://me:secret@h/g", all), 0u) << "that is another resource";
    EXPECT_EQ(resumed_at("http://h/f", all), 0u) << "that is another resource";
}

TEST(http_download, a_file_that_has_changed_is_fetched_from_the_beginning) {
    const std::string changed = "HTTP/1.1 200 OK\r\nETag: \"2\"\r\nContent-Length: 6\r\n\r\nabcdef";
    for (const std::string& answer :
         {changed, part + "Content-Range: bytes 5-9/10\r\nContent-Length: 5\r\n\r\n56789",
          std::string("HTTP/1.1 206 P\r\nETag: \"2\"\r\nContent-Range: bytes 3-5/6\r\nContent-Length: 3\r\n\r\ndef"),
          std::string("HTTP/1.1 416 No\r\nContent-Range: bytes */6\r\nContent-Length: 0\r\n\r\n")}) {
        const story::scratch_folder folder;
        script s{{head + "012", answer, changed}};
        EXPECT_EQ(fetch(folder, s).error, "") << answer;
        EXPECT_EQ(folder.read("file"), "abcdef") << answer;
    }
}

TEST(http_download, a_part_of_another_day_is_of_another_file) {
    const auto of_day = [](const std::string& status, int day) {
        return "HTTP/1.1 " + status + "\r\nDate: Mon, 28 Nov 1994 08:49:37 GMT\r\nLast-Modified: Sun, 0" +
               std::to_string(day) + " Nov 1994 08:49:37 GMT\r\n";
    };
    const story::scratch_folder folder;
    script s{{of_day("200 OK", 6) + "Content-Length: 10\r\n\r\n012",
              of_day("206 P", 7) + "Content-Range: bytes 3-9/10\r\nContent-Length: 7\r\n\r\ndefghij",
              of_day("200 OK", 7) + "Content-Length: 10\r\n\r\nabc",
              of_day("206 P", 7) + "Content-Range: bytes 3-9/10\r\nContent-Length: 7\r\n\r\ndefghij"}};
    EXPECT_EQ(fetch(folder, s).error, "");
    EXPECT_EQ(folder.read("file"), "abcdefghij");
    EXPECT_THAT(s.heard.at(1), HasSubstr("If-Range: Sun, 06 Nov 1994"));
}

TEST(http_download, without_a_validator_nothing_is_resumed) {
    const std::string plain =
        "HTTP/1.1 200 OK\r\nETag: W/\"1\"\r\nLast-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: "
        "10\r\n\r\n";
    const story::scratch_folder folder;
    script s{{plain + "012", plain + "0123456789"}};
    EXPECT_EQ(fetch(folder, s).error, "");
    EXPECT_EQ(folder.read("file"), "0123456789");
    EXPECT_THAT(s.heard.at(1), Not(HasSubstr("Range")));
}

TEST(http_download, a_part_of_the_rest_is_not_the_rest) {
    const story::scratch_folder folder;
    script s{{head + "012", part + "Content-Range: bytes 3-5/10\r\nContent-Length: 3\r\n\r\n345", rest(6)}};
    EXPECT_EQ(fetch(folder, s).error, "");
    EXPECT_EQ(folder.read("file"), "0123456789");
}

TEST(http_download, a_part_of_a_whole_of_unknown_length_is_not_the_whole) {
    const std::string next = part + "Content-Range: bytes 3-5/*\r\nContent-Length: 3\r\n\r\n345";
    {
        const story::scratch_folder folder;
        script s{{head + "012", next, rest(6)}};
        EXPECT_EQ(fetch(folder, s).error, "") << "its length was said before";
        EXPECT_EQ(folder.read("file"), "0123456789");
    }
    const story::scratch_folder folder;
    script s{{"HTTP/1.1 200 OK\r\nETag: \"1\"\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n012\r\n", next,
              part + "Content-Range: bytes 6-9/*\r\nContent-Length: 4\r\n\r\n6789",
              "HTTP/1.1 416 No\r\nContent-Range: bytes */10\r\nContent-Length: 0\r\n\r\n"}};
    EXPECT_EQ(fetch(folder, s).error, "");
    EXPECT_EQ(folder.read("file"), "0123456789");
    EXPECT_THAT(s.heard.back(), HasSubstr("Range: bytes=10-")) << "only an answer to that tells";
}

TEST(http_download, a_file_that_was_complete_before_it_was_renamed_is_known) {
    const story::scratch_folder folder;
    folder.write("file.part", "0123456789");
    folder.write("file.part.info", "http://h/f\n10\n\"1\"");
    script s{{"HTTP/1.1 416 No\r\nContent-Range: bytes */10\r\nContent-Length: 0\r\n\r\n"}};
    EXPECT_EQ(fetch(folder, s).error, "");
    EXPECT_EQ(folder.read("file"), "0123456789");
}

TEST(http_download, what_was_not_noted_may_not_have_reached_the_disk) {
    const story::scratch_folder folder;
    folder.write("file.part", std::string("01\0\0\0\0\0", 7));
    folder.write("file.part.info", "http://h/f\n2\n\"1\"");
    script s{{rest(2)}};
    EXPECT_EQ(fetch(folder, s).result.resumed_at, 2u);
    EXPECT_EQ(folder.read("file"), "0123456789");
    folder.write("file.part", "0");
    folder.write("file.part.info", "http://h/f\n2\n\"1\"");
    script all{{head + "0123456789"}};
    EXPECT_EQ(fetch(folder, all).result.resumed_at, 0u) << "the name of the part is not the old part's any more";
}

TEST(http_download, a_failure_leaves_nothing_that_looks_like_the_file) {
    const story::scratch_folder folder;
    script refused{{"HTTP/1.1 404 Gone\r\nContent-Length: 4\r\n\r\ngone"}};
    EXPECT_EQ(fetch(folder, refused).error, "404 Client Error: Gone for url: http://h/f");
    http::download_options small;
    small.request.body_limit = 9;
    script large{{head + "0123456789", head, head, head, head}};
    EXPECT_THAT(fetch(folder, large, small).error, HasSubstr("the body is larger than the limit"));
    script silent{{"", "", "", "", "", head + "0123456789"}};
    EXPECT_THAT(fetch(folder, silent).error, HasSubstr("connection closed before the first byte"));
    EXPECT_EQ(silent.heard.size(), 5u);
    EXPECT_FALSE(folder.has("file"));
}

TEST(http_download, an_end_without_a_length_is_an_end) {
    const story::scratch_folder folder;
    script s{{"HTTP/1.0 200 OK\r\n\r\nuntil the end"}};
    EXPECT_EQ(fetch(folder, s).error, "");
    EXPECT_EQ(folder.read("file"), "until the end");
}

}  // namespace net_http_download_test
