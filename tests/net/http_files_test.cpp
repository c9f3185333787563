// Files of a folder over HTTP: whole, in parts, under conditions, and never from elsewhere.

#include "support/http_world.hpp"
#include "support/machine.hpp"

#include <ringlet/net/http_date.hpp>
#include <ringlet/net/http_files.hpp>

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

namespace net_http_files_test {

using namespace ringlet;
using namespace story;
using testing::HasSubstr;
using testing::StartsWith;

const std::string& large_text() {
    static const std::string text = [] {
        std::string numbers;
        while (numbers.size() < 300'000)
            numbers += std::to_string(numbers.size()) + ' ';
        return numbers;
    }();
    return text;
}

/// A folder with files, and a secret beside it.
class site {
public:
    site() {
        std::filesystem::create_directories(all_ / "www/sub/empty");
        std::filesystem::create_directories(all_ / "www/.well-known");
        put("secret.txt", "secret");
        put("www/index.html", "<p>home");
        put("www/digits.txt", "0123456789");
        put("www/empty.txt", "");
        put("www/large.bin", large_text());
        put("www/sub/index.html", "<p>sub");
        put("www/sub/a b.txt", "blank");
        put("www/.hidden", "hidden");
        put("www/.well-known/acme", "known");
        std::filesystem::create_symlink("../secret.txt", all_ / "www/outside");
        std::filesystem::create_symlink("/etc/passwd", all_ / "www/absolute");
        std::filesystem::create_symlink("digits.txt", all_ / "www/inside");
        std::filesystem::create_symlink("..", all_ / "www/up");
        ::mkfifo((all_ / "www/fifo").c_str(), 0600);
        const timespec then[2] = {{784111777, 0}, {784111777, 0}};
        ::utimensat(AT_FDCWD, (all_ / "www/digits.txt").c_str(), then, 0);
    }
    std::string folder() const { return all_ / "www"; }
    void put(const std::string& name, const std::string& text) { std::ofstream(all_ / name) << text; }

private:
    temporary_folder all_;
};

const std::string tag = "\"" + std::string("ae1b981bc490a00") + "-a\"";

/// What the server says to one request for a file.
std::string said(const site& s, const std::string& path, const std::string& fields = {},
                 const http::file_options& options = {}, const std::string& method = "GET") {
    std::string heard;
    on_this_machine([&]() -> task<> {
        {
            http::server server;
            server.handle("/f/", http::files(s.folder(), options));
            visit v(server);
            co_await v.say(method + " /f/" + path + " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" + fields +
                           "\r\n");
            co_await v.leave();
            heard = co_await v.hear();
            co_await v.serving.join();
        }
        co_await yield();
    });
    return heard;
}

std::string body_of(const std::string& heard) { return heard.substr(heard.find("\r\n\r\n") + 4); }

TEST(http_files, a_file_has_its_type_and_its_state) {
    const site s;
    const std::string heard = said(s, "digits.txt");
    EXPECT_EQ(
        heard,
        "HTTP/1.1 200 OK\r\nETag: " + tag +
            "\r\nLast-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\nAccept-Ranges: bytes\r\n"
            "Content-Type: text/plain; charset=utf-8\r\nConnection: close\r\nContent-Length: 10\r\n\r\n0123456789");
    const std::string head = said(s, "digits.txt", "", {}, "HEAD");
    EXPECT_EQ(head, heard.substr(0, heard.size() - 10));
    EXPECT_EQ(body_of(said(s, "sub/a%20b.txt")), "blank");
    EXPECT_THAT(said(s, "empty.txt"), HasSubstr("Content-Length: 0\r\n\r\n"));
    EXPECT_EQ(body_of(said(s, "large.bin")), large_text());
    EXPECT_THAT(said(s, "digits.txt", "", http::file_options().cache_control("max-age=60")),
                HasSubstr("\r\nCache-Control: max-age=60\r\n"));
    EXPECT_THAT(said(s, "digits.txt", "Content-Length: 0\r\n", {}, "POST"),
                StartsWith("HTTP/1.1 405 Method Not Allowed\r\nAllow: GET, HEAD\r\n"));
}

TEST(http_files, parts_of_a_file) {
    const site s;
    const std::string part = said(s, "digits.txt", "Range: bytes=2-4\r\n");
    EXPECT_THAT(part, StartsWith("HTTP/1.1 206 Partial Content\r\n"));
    EXPECT_THAT(part, HasSubstr("\r\nContent-Range: bytes 2-4/10\r\n"));
    EXPECT_EQ(body_of(part), "234");
    EXPECT_EQ(body_of(said(s, "large.bin", "Range: bytes=100000-299999\r\n")), large_text().substr(100000, 200000));
    EXPECT_EQ(body_of(said(s, "digits.txt", "Range: bytes=-3\r\nIf-Range: " + tag + "\r\n")), "789");
    EXPECT_EQ(body_of(said(s, "digits.txt", "Range: bytes=-3\r\nIf-Range: \"old\"\r\n")), "0123456789");
    const std::string head = said(s, "digits.txt", "Range: bytes=2-4\r\n", {}, "HEAD");
    EXPECT_THAT(head, StartsWith("HTTP/1.1 200 OK\r\n")) << "a range is a GET's (RFC 9110 section 14.2)";
    EXPECT_THAT(head, HasSubstr("\r\nContent-Length: 10\r\n"));
    const std::string nowhere = said(s, "digits.txt", "Range: bytes=10-\r\n");
    EXPECT_THAT(nowhere, StartsWith("HTTP/1.1 416 Range Not Satisfiable\r\n"));
    EXPECT_THAT(nowhere, HasSubstr("\r\nContent-Range: bytes */10\r\n"));
}

TEST(http_files, several_parts_come_in_one_body) {
    const site s;
    const std::string heard = said(s, "digits.txt", "Range: bytes=0-1,-2\r\n");
    const std::string b = "--ringlet-7e3a91c5f02d4b68";
    const std::string head = "\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Range: bytes ";
    const std::string body =
        "\r\n" + b + head + "0-1/10\r\n\r\n01\r\n" + b + head + "8-9/10\r\n\r\n89\r\n" + b + "--\r\n";
    EXPECT_THAT(heard, HasSubstr("\r\nContent-Type: multipart/byteranges; boundary=" + b.substr(2) + "\r\n"));
    EXPECT_THAT(heard, HasSubstr("\r\nContent-Length: " + std::to_string(body.size()) + "\r\n"));
    EXPECT_EQ(body_of(heard), body);
}

TEST(http_files, what_a_client_has_already_is_not_sent) {
    const site s;
    EXPECT_EQ(said(s, "digits.txt", "If-None-Match: " + tag + "\r\n"),
              "HTTP/1.1 304 Not Modified\r\nETag: " + tag +
                  "\r\nLast-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\nAccept-Ranges: bytes\r\n"
                  "Connection: close\r\n\r\n");
    EXPECT_THAT(said(s, "digits.txt", "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n"),
                StartsWith("HTTP/1.1 304 "));
    EXPECT_THAT(said(s, "digits.txt", "If-Modified-Since: Sun, 06 Nov 1994 08:49:36 GMT\r\n"),
                StartsWith("HTTP/1.1 200 "));
    EXPECT_THAT(said(s, "digits.txt", "If-Match: \"other\"\r\n"), StartsWith("HTTP/1.1 412 "));
    EXPECT_THAT(said(s, "digits.txt", "If-None-Match: \"other\"\r\n"), StartsWith("HTTP/1.1 200 "));
}

TEST(http_files, a_folder_is_its_index) {
    const site s;
    EXPECT_EQ(body_of(said(s, "")), "<p>home");
    EXPECT_EQ(body_of(said(s, "sub/")), "<p>sub");
    EXPECT_THAT(said(s, "sub?x=1"), HasSubstr("HTTP/1.1 301 Moved Permanently\r\nLocation: /f/sub/?x=1\r\n"));
    EXPECT_THAT(said(s, "sub/empty/"), StartsWith("HTTP/1.1 404 "));
    EXPECT_THAT(said(s, "digits.txt/"), StartsWith("HTTP/1.1 404 "));
    EXPECT_THAT(said(s, "", "", http::file_options().index("")), StartsWith("HTTP/1.1 404 "));
}

TEST(http_files, a_redirect_stays_on_this_host) {
    const site s;
    on_this_machine([&]() -> task<> {
        http::server server;
        server.get("/{all...}", http::files(std::filesystem::path(s.folder()).parent_path().string()));
        server.get("//{all...}", http::files(s.folder()));
        visit v(server);
        co_await v.say("GET //sub HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        co_await v.leave();
        EXPECT_THAT(co_await v.hear(), HasSubstr("Location: /sub/\r\n"));
        co_await v.serving.join();
    });
}

TEST(http_files, nothing_leads_out_of_the_folder) {
    const site s;
    const std::vector<std::string> ways{"../secret.txt",
                                        "%2e%2e/secret.txt",
                                        "..%2fsecret.txt",
                                        "sub/../../secret.txt",
                                        "./digits.txt",
                                        "sub/%2e%2e/digits.txt",
                                        "up/secret.txt",
                                        "outside",
                                        "absolute",
                                        "/etc/passwd",
                                        "%2fetc/passwd",
                                        "//etc/passwd",
                                        "sub//index.html",
                                        "digits.txt%00.html",
                                        "..%5csecret.txt",
                                        "fifo",
                                        ".hidden",
                                        ".%68idden",
                                        "..",
                                        "nowhere",
                                        "digits.txt/x"};
    for (const io::links how : {io::links::refuse, io::links::beneath}) {
        for (const std::string& way : ways) {
            const std::string heard = said(s, way, "", http::file_options().symbolic_links(how));
            EXPECT_THAT(heard, StartsWith("HTTP/1.1 404 ")) << way;
        }
        EXPECT_EQ(said(s, "inside", "", http::file_options().symbolic_links(how)).starts_with("HTTP/1.1 200 "),
                  how == io::links::beneath);
    }
    EXPECT_EQ(body_of(said(s, ".hidden", "", http::file_options().hidden(true))), "hidden");
    EXPECT_EQ(body_of(said(s, ".well-known/acme")), "known");
}

TEST(http_files, a_folder_that_is_not_there_is_an_error_at_once) {
    EXPECT_EQ(error_of([] { http::files("/nowhere/at/all"); }),
              "serve files of '/nowhere/at/all': No such file or directory");
}

TEST(http_files, a_name_with_a_zero_in_it_is_not_the_name_before_the_zero) {
    const site s;
    on_this_machine([&]() -> task<> {
        const io::fd root(::open(s.folder().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
        const std::string name("sub\0.txt", 8);
        EXPECT_THROW(co_await io::open_beneath(root.get(), name, O_RDONLY), std::system_error);
        EXPECT_THROW(co_await io::detail::open_step_by_step(root.get(), name, O_RDONLY), std::system_error);
    });
}

TEST(http_files, without_openat2_no_link_is_followed) {
    const site s;
    on_this_machine([&]() -> task<> {
        const io::fd root(::open(s.folder().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
        const auto opens = [&](std::string path) -> task<std::string> {
            try {
                const io::fd opened = co_await io::detail::open_step_by_step(root.get(), path, O_RDONLY | O_NONBLOCK);
                co_return "";
            } catch (const std::system_error& e) {
                co_return e.what();
            }
        };
        EXPECT_EQ(co_await opens("sub/index.html"), "");
        EXPECT_EQ(co_await opens(""), "");
        EXPECT_EQ(co_await opens("sub"), "");
        EXPECT_EQ(co_await opens("inside"), "open 'inside': Too many levels of symbolic links");
        EXPECT_THAT(co_await opens("up/secret.txt"), StartsWith("open 'up/secret.txt': "));
        EXPECT_EQ(co_await opens("/sub"), "open '/sub': Invalid cross-device link");
        EXPECT_EQ(co_await opens("../secret.txt"), "open '../secret.txt': Invalid cross-device link");
        EXPECT_EQ(co_await opens("sub/../../secret.txt"), "open 'sub/../../secret.txt': Invalid cross-device link");
    });
}

}  // namespace net_http_files_test
