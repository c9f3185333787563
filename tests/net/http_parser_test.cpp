// The parser as a pure function of bytes: every story below is told whole, one byte at a time, cut in
// two at every place, and at the very edge of readable memory; all must come out the same. Then
// tables: hostile messages with their error, and odd responses that are read all the same.
#include <ringlet/net/http_parser.hpp>

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace net_http_parser_test {

using namespace ringlet;
using namespace std::string_view_literals;
using http::errc;
using http::reads;

/// Memory whose last byte is followed by an unmapped page: reading one byte too far is fatal.
class edge {
public:
    edge() : page_(static_cast<std::size_t>(sysconf(_SC_PAGESIZE))), size_(64 * page_) {
        base_ = static_cast<char*>(
            mmap(nullptr, size_ + page_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
        if (base_ == MAP_FAILED || mprotect(base_ + size_, page_, PROT_NONE) != 0)
            std::abort();
    }
    ~edge() { munmap(base_, size_ + page_); }
    edge(const edge&) = delete;
    edge& operator=(const edge&) = delete;
    std::string_view put(std::string_view bytes) {
        if (bytes.size() > size_)
            std::abort();
        auto* at = base_ + size_ - bytes.size();
        if (!bytes.empty())
            std::memcpy(at, bytes.data(), bytes.size());
        return {at, bytes.size()};
    }

private:
    std::size_t page_, size_;
    char* base_;
};

struct world {
    reads what = reads::requests;
    http::limits most = http::limits::server();
    std::function<void(http::parser&)> before_each = [](http::parser&) {};
};

/// Everything there is to say about a stream of messages, in one text.
class transcript {
public:
    explicit transcript(const world& w) : world_(w), parser_(w.what, w.most) { world_.before_each(parser_); }

    void feed(std::string_view input) {
        while (!finished_) {
            const auto s = parser_.try_feed(input);
            if (!s.body_piece.empty()) {
                EXPECT_GE(s.body_piece.data(), input.data());
                EXPECT_LE(s.body_piece.data() + s.body_piece.size(), input.data() + s.consumed);
            }
            input.remove_prefix(s.consumed);
            if (!note(s))
                return;
        }
    }
    std::string end() {
        if (parser_.idle())
            return text_ + "end";
        const auto s = parser_.try_finish();
        if (s.kind == http::event::done && !finished_) {
            close_message();
            return text_ + "closed";
        }
        return finished_ ? text_ : text_ + body_ + "> error: " + parser_.error_code_text();
    }

private:
    struct open_parser : http::parser {
        using http::parser::parser;
        std::string error_code_text() const { return make_error_code(error()).message(); }
    };

    bool note(const http::step& s) {
        switch (s.kind) {
            case http::event::need_more: return false;
            case http::event::head: open_message(); return true;
            case http::event::body: body_ += s.body_piece; return true;
            case http::event::done: {
                const bool upgrade = parser_.head().upgrade();
                close_message();
                if (upgrade)
                    finished_ = true, text_ += "upgraded";
                if (!upgrade)
                    parser_.reset();
                return !upgrade;
            }
            case http::event::failed:
                if (!finished_)
                    text_ += body_ + "> error: " + parser_.error_code_text();
                finished_ = true;
                return false;
        }
        return false;
    }
    void open_message() {
        const auto& h = parser_.head();
        if (world_.what == reads::requests) {
            text_ += std::string(h.method()) + ' ' + std::string(h.target());
        } else {
            text_ += std::to_string(h.status()) + ' ' + std::string(h.reason());
        }
        text_ += " 1." + std::to_string(h.version_minor());
        put(h.fields());
        if (h.keep_alive())
            text_ += " keep";
        if (h.chunked())
            text_ += " chunked";
        if (h.content_length())
            text_ += " length=" + std::to_string(*h.content_length());
        if (h.expects_continue())
            text_ += " expects";
        if (h.upgrade())
            text_ += " upgrade";
        text_ += " <";
        body_.clear();
    }
    void close_message() {
        text_ += body_ + '>';
        body_.clear();
        if (!parser_.trailers().empty())
            put(parser_.trailers());
        text_ += '\n';
    }
    void put(const http::fields& f) {
        text_ += " {";
        for (const auto [name, value] : f)
            text_ += std::string(name) + '=' + std::string(value) + ';';
        text_ += '}';
    }

    world world_;
    open_parser parser_;
    std::string text_, body_;
    bool finished_ = false;
};

/// The transcript, after checking that every way to cut the bytes gives the same one.
std::string read(std::string_view bytes, const world& w = {}) {
    static edge memory;
    transcript whole(w), single(w);
    whole.feed(memory.put(bytes));
    const auto told = whole.end();
    for (const char& c : bytes)
        single.feed(memory.put({&c, 1}));
    EXPECT_EQ(single.end(), told) << "byte by byte: " << bytes;
    // Long inputs only near their line ends: the square of their length would take minutes.
    for (std::size_t at = 0; at <= bytes.size(); ++at) {
        if (bytes.size() > 2000 && at % 97 != 0 && bytes.substr(at > 3 ? at - 3 : 0, 6).find('\n') == bytes.npos)
            continue;
        transcript cut(w);
        cut.feed(memory.put(bytes.substr(0, at)));
        cut.feed(memory.put(bytes.substr(at)));
        EXPECT_EQ(cut.end(), told) << "cut at " << at << ": " << bytes;
    }
    return told;
}

world responses(std::function<void(http::parser&)> before = [](http::parser&) {}) {
    return {reads::responses, http::limits::client(), std::move(before)};
}

std::string error_of(errc e) { return "> error: " + make_error_code(e).message(); }

bool ends_with_error(const std::string& told, errc e) { return told.ends_with(error_of(e)); }

// ---- both ----

/// Lines that come whole are taken by a shorter way than those that come in pieces, and llhttp is not asked.
TEST(http_parser, says_the_same_of_a_line_that_comes_whole_whatever_byte_is_in_it) {
    const std::pair<world, std::string> messages[] = {
        {{}, "GET /a?b=c HTTP/1.1\r\nHost: h\r\nA-b:  c d \r\n\r\n"},
        {{}, "POST / HTTP/1.0\r\nHost: h\r\nContent-Length: 1\r\n\r\nx"},
        {responses(), "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nA-b:  c d \r\n\r\nx"},
    };
    for (const auto& [w, message] : messages)
        for (std::size_t at = 0; at < message.size(); ++at)
            for (int byte = 0; byte < 256; ++byte) {
                std::string changed = message;
                changed[at] = static_cast<char>(byte);
                transcript whole(w), single(w);
                whole.feed(changed);
                for (const char& c : changed)
                    single.feed({&c, 1});
                ASSERT_EQ(whole.end(), single.end()) << changed;
            }
}

// ---- requests ----

TEST(http_parser, reads_simple_requests) {
    EXPECT_EQ(read("GET / HTTP/1.1\r\nHost: h\r\n\r\n"), "GET / 1.1 {Host=h;} keep <>\nend");
    EXPECT_EQ(read("GET /a?b HTTP/1.0\r\n\r\n"), "GET /a?b 1.0 {} <>\nend");
    EXPECT_EQ(read("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"),
              "GET / 1.0 {Connection=Keep-Alive;} keep <>\nend");
    EXPECT_EQ(read("GET / HTTP/1.1\r\nHost: h\r\nConnection: x, close\r\n\r\n"),
              "GET / 1.1 {Host=h;Connection=x, close;} <>\nend");
    EXPECT_EQ(read("\r\n\r\nGET / HTTP/1.1\r\nhost:h:80\r\nA: \t b c\t \r\nEmpty:\r\n\r\n"),
              "GET / 1.1 {host=h:80;A=b c;Empty=;} keep <>\nend");
    EXPECT_EQ(read("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n"), "OPTIONS * 1.1 {Host=h;} keep <>\nend");
    EXPECT_EQ(read("GET http://h/x HTTP/1.1\r\nHost: h\r\n\r\n"), "GET http://h/x 1.1 {Host=h;} keep <>\nend");
    EXPECT_EQ(read("GET HTTP://i:8?x HTTP/1.1\r\nHost: h\r\nA: b\r\n\r\n"),
              "GET HTTP://i:8?x 1.1 {Host=i:8;A=b;} keep <>\nend")
        << "the target's host holds";
    EXPECT_EQ(read("GET http://h/ HTTP/1.0\r\n\r\n"), "GET http://h/ 1.0 {Host=h;} <>\nend");
    EXPECT_EQ(read("M-SEARCH / HTTP/1.1\r\nHost: [::1]:8\r\n\r\n"), "M-SEARCH / 1.1 {Host=[::1]:8;} keep <>\nend");
    EXPECT_EQ(read("GET / HTTP/1.1\r\nHost: h\r\nx: \xc3\xa4\r\n\r\n"),
              "GET / 1.1 {Host=h;x=\xc3\xa4;} keep <>\nend");
    EXPECT_EQ(read(""), "end");
    EXPECT_EQ(read("\r\n"), "end");
}

TEST(http_parser, reads_bodies_of_requests) {
    EXPECT_EQ(read("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello"),
              "PUT / 1.1 {Host=h;Content-Length=5;} keep length=5 <hello>\nend");
    EXPECT_EQ(read("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n"),
              "PUT / 1.1 {Host=h;Content-Length=0;} keep length=0 <>\nend");
    EXPECT_EQ(read("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: "
                   "Chunked\r\n\r\n5\r\nhello\r\n00A\r\n0123456789\r\n0\r\n\r\n"),
              "POST / 1.1 {Host=h;Transfer-Encoding=Chunked;} keep chunked <hello0123456789>\nend");
    EXPECT_EQ(read("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTrailer: T\r\n\r\n1;a;b=c ; "
                   "d=\"e\\\";\"\r\nx\r\n0\r\nT: u\r\nV: w\r\n\r\n"),
              "POST / 1.1 {Host=h;Transfer-Encoding=chunked;Trailer=T;} keep chunked <x> {T=u;V=w;}\nend");
    EXPECT_EQ(read("PUT / HTTP/1.1\r\nHost: h\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n\r\n\n"),
              "PUT / 1.1 {Host=h;Expect=100-Continue;Content-Length=1;} keep length=1 expects <\n>\nend");
}

TEST(http_parser, reads_pipelined_requests_one_by_one) {
    EXPECT_EQ(read("GET /1 HTTP/1.1\r\nHost: h\r\n\r\n"
                   "POST /2 HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nab\r\n"
                   "POST /3 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nc\r\n0\r\n\r\n"
                   "GET /4 HTTP/1.1\r\nHost: h\r\n\r\n"),
              "GET /1 1.1 {Host=h;} keep <>\n"
              "POST /2 1.1 {Host=h;Content-Length=2;} keep length=2 <ab>\n"
              "POST /3 1.1 {Host=h;Transfer-Encoding=chunked;} keep chunked <c>\n"
              "GET /4 1.1 {Host=h;} keep <>\nend");
}

TEST(http_parser, stops_where_another_protocol_begins) {
    EXPECT_EQ(read("CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n\x16\x03\x01"),
              "CONNECT h:443 1.1 {Host=h:443;} keep upgrade <>\nupgraded");
    EXPECT_EQ(read("GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n\x81"),
              "GET / 1.1 {Host=h;Connection=Upgrade;Upgrade=websocket;} keep upgrade <>\nupgraded");
    EXPECT_EQ(read("GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\n\r\n"),
              "GET / 1.1 {Host=h;Upgrade=websocket;} keep <>\nend");
}

TEST(http_parser, refuses_hostile_requests) {
    const std::string get = "GET / HTTP/1.1\r\n", host = "Host: h\r\n", post = "POST / HTTP/1.1\r\nHost: h\r\n";
    const std::string chunked = post + "Transfer-Encoding: chunked\r\n\r\n";
    const std::pair<std::string, errc> table[] = {
        // the request line
        {"\x16\x03\x01\x02", errc::bad_request_line},
        {" GET / HTTP/1.1\r\n", errc::bad_request_line},
        {"GET  / HTTP/1.1\r\n", errc::bad_request_line},
        {"GET /  HTTP/1.1\r\n", errc::bad_request_line},
        {"GET / HTTP/1.1 \r\n", errc::bad_request_line},
        {"GET /\r\n", errc::bad_request_line},
        {"GET\r\n", errc::bad_request_line},
        {"GET\t/\tHTTP/1.1\r\n", errc::bad_request_line},
        {"G(T / HTTP/1.1\r\n", errc::bad_request_line},
        {"GET / http/1.1\r\n", errc::bad_request_line},
        {"GET / HTTP/1.1x\r\n", errc::bad_request_line},
        {"GET / HTTP/11\r\n", errc::bad_request_line},
        {"GET / HTTP/1.\r\n", errc::bad_request_line},
        {"\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n", errc::bad_request_line},
        {"GET / HTTP/1.2\r\n", errc::unsupported_version},
        {"GET / HTTP/0.9\r\n", errc::unsupported_version},
        {"GET / HTTP/2.0\r\n", errc::unsupported_version},
        {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", errc::unsupported_version},
        {"FROB / HTTP/1.1\r\n", errc::unknown_method},
        {"get / HTTP/1.1\r\n", errc::unknown_method},
        {"GETX / HTTP/1.1\r\n", errc::unknown_method},
        {"GET x HTTP/1.1\r\n", errc::bad_target},
        {"GET * HTTP/1.1\r\n", errc::bad_target},
        {"GET /\x7f HTTP/1.1\r\n", errc::bad_target},
        {"GET /\xc3\xa4 HTTP/1.1\r\n", errc::bad_target},
        {"GET /a#b HTTP/1.1\r\n", errc::bad_target},
        {"GET h:80 HTTP/1.1\r\n", errc::bad_target},
        {"GET ftp://h/ HTTP/1.1\r\n", errc::bad_target},
        {"CONNECT / HTTP/1.1\r\n", errc::bad_target},
        {"CONNECT h HTTP/1.1\r\n", errc::bad_target},
        {"CONNECT h:99999999 HTTP/1.1\r\n", errc::bad_target},
        // line ends and bytes that have no place in a head
        {"GET / HTTP/1.1\n", errc::bare_lf},
        {"\nGET / HTTP/1.1\r\n", errc::bare_lf},
        {get + "Host: h\n\r\n", errc::bare_lf},
        {get + host + "\n", errc::bare_lf},
        {get + "Host: h\rX: y\r\n\r\n", errc::lone_cr},
        {get + "Host: h\r\r\n\r\n", errc::lone_cr},
        {get + "\rHost: h\r\n\r\n", errc::lone_cr},
        {get + host + "\r\r\n", errc::lone_cr},
        {"GET /\r HTTP/1.1\r\n", errc::lone_cr},
        {get + std::string("Host: h\0\r\n", 10), errc::nul_byte},
        {get + std::string("Ho\0st: h\r\n", 10), errc::nul_byte},
        {std::string("GET /\0 HTTP/1.1\r\n", 17), errc::nul_byte},
        // fields
        {get + "Host : h\r\n", errc::space_before_colon},
        {get + "Host\t: h\r\n", errc::space_before_colon},
        {get + host + " folded\r\n", errc::folded_field},
        {get + host + "\tfolded: x\r\n", errc::folded_field},
        {get + " Host: h\r\n", errc::folded_field},
        {get + "Host\r\n", errc::bad_field},
        {get + ": h\r\n", errc::bad_field},
        {get + "Ho st: h\r\n", errc::bad_field},
        {get + "Host;: h\r\n", errc::bad_field},
        {get + "H\xc3\xb6st: h\r\n", errc::bad_field},
        {get + host + "A: b\x01\r\n", errc::bad_field},
        {get + host + "A: \x7f\r\n", errc::bad_field},
        {get + "\r\n", errc::missing_host},
        {get + host + host + "\r\n", errc::duplicate_host},
        {"GET / HTTP/1.0\r\nHost: a\r\nhOST: b\r\n\r\n", errc::duplicate_host},
        {get + "Host: a, b\r\n\r\n", errc::bad_host},
        {get + "Host: a,b\r\n\r\n", errc::bad_host},
        {get + "Host: u@h\r\n\r\n", errc::bad_host},
        {get + "Host: h/\r\n\r\n", errc::bad_host},
        {get + "Host: h:8x\r\n\r\n", errc::bad_host},
        {get + "Host: a:1:2\r\n\r\n", errc::bad_host},
        {get + "Host: [::1\r\n\r\n", errc::bad_host},
        {get + "Host: [::1]x\r\n\r\n", errc::bad_host},
        {get + "Host: http://h\r\n\r\n", errc::bad_host},
        // the length, in all its disguises
        {post + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", errc::ambiguous_length},
        {post + "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n", errc::ambiguous_length},
        {post + "Transfer-Encoding: identity\r\nContent-Length: 1\r\n\r\n", errc::ambiguous_length},
        {post + "Content-Length: 1\r\nContent-Length: 2\r\n\r\n", errc::ambiguous_length},
        {post + "Content-Length: 1\r\nContent-Length: 1\r\n\r\n", errc::ambiguous_length},
        {post + "Content-Length: 1, 1\r\n\r\n", errc::bad_content_length},
        {post + "Content-Length:\r\n\r\n", errc::bad_content_length},
        {post + "Content-Length: +1\r\n\r\n", errc::bad_content_length},
        {post + "Content-Length: -1\r\n\r\n", errc::bad_content_length},
        {post + "Content-Length: 0x1\r\n\r\n", errc::bad_content_length},
        {post + "Content-Length: 1 1\r\n\r\n", errc::bad_content_length},
        {post + "Content-Length: 1.0\r\n\r\n", errc::bad_content_length},
        {post + "Content-Length: 9223372036854775808\r\n\r\n", errc::bad_content_length},
        {post + "Content-Length: 18446744073709551617\r\n\r\n", errc::bad_content_length},
        {post + "Content-Length: 1048577\r\n\r\n", errc::body_too_large},
        {post + "Content-Length : 1\r\n\r\n", errc::space_before_colon},
        {post + "Content_Length: 1\r\n\r\n", errc::bad_field},
        {post + "Transfer_Encoding: chunked\r\n\r\n", errc::bad_field},
        {post + "Transfer-Encoding : chunked\r\n\r\n", errc::space_before_colon},
        {post + "Transfer-Encoding\x0b: chunked\r\n\r\n", errc::bad_field},
        {post + "Transfer-Encoding: \x0b"
                "chunked\r\n\r\n",
         errc::bad_field},
        {post + "Transfer-Encoding: xchunked\r\n\r\n", errc::ambiguous_length},
        {post + "Transfer-Encoding: chunked-x\r\n\r\n", errc::ambiguous_length},
        {post + "Transfer-Encoding: chunked;q=1\r\n\r\n", errc::ambiguous_length},
        {post + "Transfer-Encoding: \"chunked\"\r\n\r\n", errc::ambiguous_length},
        {post + "Transfer-Encoding: chunked, chunked\r\n\r\n", errc::ambiguous_length},
        {post + "Transfer-Encoding: chunked, identity\r\n\r\n", errc::ambiguous_length},
        {post + "Transfer-Encoding: chunked,\r\n\r\n", errc::ambiguous_length},
        {post + "Transfer-Encoding: identity, chunked\r\n\r\n", errc::ambiguous_length},
        {post + "Transfer-Encoding: identity\r\n\r\n", errc::ambiguous_length},
        {post + "Transfer-Encoding:\r\n\r\n", errc::ambiguous_length},
        {post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", errc::ambiguous_length},
        {post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n", errc::ambiguous_length},
        {post + "Transfer-Encoding: gzip\r\n\r\n", errc::ambiguous_length},
        {post + "Transfer-Encoding: gzip, chunked\r\n\r\n", errc::unsupported_coding},
        {post + "Transfer-Encoding:\r\n chunked\r\n\r\n", errc::folded_field},
        {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", errc::ambiguous_length},
        {"CONNECT h:1 HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\n", errc::ambiguous_length},
        {"CONNECT h:1 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n", errc::ambiguous_length},
        // chunks
        {chunked + "x", errc::bad_chunk},
        {chunked + "\r\n", errc::bad_chunk},
        {chunked + " 1\r\na\r\n", errc::bad_chunk},
        {chunked + "-1\r\n", errc::bad_chunk},
        {chunked + "0x1\r\n", errc::bad_chunk},
        {chunked + "1 \r\na\r\n", errc::bad_chunk},
        {chunked + "1 1\r\na\r\n", errc::bad_chunk},
        {chunked + "1\na\r\n", errc::bare_lf},
        {chunked + "1\r\na\n", errc::bare_lf},
        {chunked + "1\r\nab\r\n", errc::bad_chunk},
        {chunked + "1\r\na\rb", errc::bad_chunk},
        {chunked + "1\r\na0\r\n", errc::bad_chunk},
        {chunked + "1\rX\r\na\r\n", errc::lone_cr},
        {chunked + "1;\r\n", errc::bad_chunk},
        {chunked + "1;a=\r\n", errc::bad_chunk},
        {chunked + "1;a=\"b\r\n", errc::bad_chunk},
        {chunked + "1;a b\r\n", errc::bad_chunk},
        {chunked + "1;a\x01\r\n", errc::bad_chunk},
        {chunked + "1;a\r\r\nx", errc::lone_cr},
        {chunked + "1;a\nx\r\n", errc::bare_lf},
        {chunked + "00000000000000001\r\n", errc::bad_chunk},
        {chunked + "10000000000000000\r\n", errc::bad_chunk},
        {chunked + "ffffffffffffffff\r\n", errc::body_too_large},
        {chunked + "100001\r\n", errc::body_too_large},
        // trailers
        {chunked + "0\r\nContent-Length: 5\r\n\r\n", errc::ambiguous_length},
        {chunked + "0\r\nTransfer-Encoding: chunked\r\n\r\n", errc::ambiguous_length},
        {chunked + "0\r\nHost: x\r\n\r\n", errc::ambiguous_length},
        {chunked + "0\r\nA : b\r\n\r\n", errc::space_before_colon},
        {chunked + "0\r\nA: b\n\r\n", errc::bare_lf},
        {chunked + "0\r\n A: b\r\n\r\n", errc::folded_field},
        {chunked + "0\r\nGET / HTTP/1.1\r\n\r\n", errc::bad_field},
        // endings
        {"GET", errc::closed_in_head},
        {get + host, errc::closed_in_head},
        {post + "Content-Length: 2\r\n\r\na", errc::closed_in_body},
        {chunked + "5\r\nhel", errc::closed_in_body},
        {chunked + "5\r\nhello\r\n", errc::closed_in_body},
        {chunked + "5\r\nhello\r\n0\r\n", errc::closed_in_body},
    };
    for (const auto& [bytes, wanted] : table) {
        const auto told = read(bytes);
        EXPECT_TRUE(ends_with_error(told, wanted))
            << bytes << "\n  wanted" << error_of(wanted) << "\n  got    " << told;
    }
}

TEST(http_parser, refuses_before_the_line_is_over_what_cannot_begin_well) {
    http::parser p(reads::requests);
    EXPECT_EQ(p.try_feed("\x16").kind, http::event::failed);
    EXPECT_EQ(p.error_text(), "http request, line 1 '\\x16'");
    http::parser q(reads::responses);
    EXPECT_EQ(q.try_feed("SSH-2.0").kind, http::event::failed);
    EXPECT_EQ(q.error(), errc::bad_status_line);
}

// ---- limits ----

TEST(http_parser, each_limit_has_its_own_error_and_is_exact) {
    world w;
    w.most.start_line = 20;
    w.most.field_line = 12;
    w.most.fields = 40;
    w.most.field_count = 3;
    w.most.body = 10;
    w.most.chunk_extensions = 4;
    const auto fits = [&](const std::string& bytes) {
        EXPECT_TRUE(read(bytes, w).ends_with("end")) << read(bytes, w);
    };
    const auto fails = [&](const std::string& bytes, errc e) {
        EXPECT_TRUE(ends_with_error(read(bytes, w), e)) << bytes << '\n' << read(bytes, w);
    };
    const std::string get = "GET / HTTP/1.1\r\n", put = "PUT / HTTP/1.1\r\nHost: h\r\n";

    fits("GET /123456 HTTP/1.1\r\nHost: h\r\n\r\n");
    fails("GET /1234567 HTTP/1.1\r\nHost: h\r\n\r\n", errc::start_line_too_long);
    fails("GET /" + std::string(1000, 'a'), errc::start_line_too_long);
    fits(get + "Host: 123456\r\n\r\n");
    fails(get + "Host: 1234567\r\n\r\n", errc::field_line_too_long);
    fails(get + std::string(1000, 'a'), errc::field_line_too_long);
    w.most.field_line = 100;
    fits(get + "Host: 12\r\nA: 456789012345678901234567\r\n\r\n");
    fails(get + "Host: 12\r\nA: 4567890123456789012345678901\r\n\r\n", errc::fields_too_large);
    fails(get + "Host: h\r\n" + std::string(1000, 'a'), errc::fields_too_large);
    fits(get + "Host: h\r\nA:\r\nB:\r\n\r\n");
    fails(get + "Host: h\r\nA:\r\nB:\r\nC:\r\n\r\n", errc::too_many_fields);

    w.most.fields = 100;
    fits(put + "Content-Length: 10\r\n\r\n0123456789");
    fails(put + "Content-Length: 11\r\n\r\n", errc::body_too_large);
    const auto chunked = put + "Transfer-Encoding: chunked\r\n\r\n";
    fits(chunked + "5\r\n01234\r\n5\r\n01234\r\n0\r\n\r\n");
    fails(chunked + "5\r\n01234\r\n6\r\n", errc::body_too_large);
    fits(chunked + "1;a\r\nx\r\n0;b\r\n\r\n");
    fails(chunked + "1;a\r\nx\r\n0;bc\r\n\r\n", errc::chunk_extension_too_long);
    fails(chunked + "1;" + std::string(1000, 'a'), errc::chunk_extension_too_long);
    fails(chunked + "0\r\nA:\r\nB:\r\n", errc::too_many_fields);
    fails(chunked + "0\r\nA: " + std::string(100, 'a'), errc::fields_too_large);
}

TEST(http_parser, limits_hold_for_responses_too) {
    auto w = responses();
    w.most.body = 4;
    w.most.interim_responses = 2;
    EXPECT_EQ(read("HTTP/1.0 200 OK\r\n\r\nabcd", w), "200 OK 1.0 {} <abcd>\nclosed");
    EXPECT_EQ(read("HTTP/1.0 200 OK\r\n\r\nabcde", w), "200 OK 1.0 {} <abcd" + error_of(errc::body_too_large));
    const std::string interim = "HTTP/1.1 103 Early Hints\r\n\r\n";
    EXPECT_TRUE(read(interim + interim + "HTTP/1.1 204 No Content\r\n\r\n" + interim, w).ends_with("end"));
    EXPECT_TRUE(ends_with_error(read(interim + interim + interim, w), errc::too_many_interim_responses));
}

// ---- responses ----

TEST(http_parser, reads_responses_also_odd_ones) {
    const std::pair<std::string_view, std::string_view> table[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab", "200 OK 1.1 {Content-Length=2;} keep length=2 <ab>\nend"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
         "200 OK 1.1 {Transfer-Encoding=chunked;} keep chunked <ab>\nend"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
         "200 OK 1.1 {Content-Length=0;Connection=close;} length=0 <>\nend"},
        {"HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n",
         "200 OK 1.0 {Content-Length=0;Connection=keep-alive;} keep length=0 <>\nend"},
        // until the connection closes
        {"HTTP/1.1 200 OK\r\n\r\nall\r\n\r\nof it", "200 OK 1.1 {} <all\r\n\r\nof it>\nclosed"},
        {"HTTP/1.1 200 OK\r\n\r\n", "200 OK 1.1 {} <>\nclosed"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\nx",
         "200 OK 1.1 {Transfer-Encoding=identity;} <x>\nclosed"},
        // never a body
        {"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n",
         "204 No Content 1.1 {Content-Length=5;} keep length=5 <>\nend"},
        {"HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n",
         "304 Not Modified 1.1 {Transfer-Encoding=chunked;} keep <>\nend"},
        {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: "
         "1\r\n\r\na",
         "100 Continue 1.1 {} keep <>\n103 Early Hints 1.1 {Link=x;} keep <>\n200 OK 1.1 {Content-Length=1;} keep "
         "length=1 <a>\nend"},
        {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\nnot http",
         "101 Switching Protocols 1.1 {Upgrade=x;} keep upgrade <>\nupgraded"},
        // bare LF, alone and mixed
        {"HTTP/1.1 200 OK\nContent-Length: 1\n\na", "200 OK 1.1 {Content-Length=1;} keep length=1 <a>\nend"},
        {"HTTP/1.1 200 OK\r\nA: b\nContent-Length: 0\r\n\n",
         "200 OK 1.1 {A=b;Content-Length=0;} keep length=0 <>\nend"},
        {"HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n1\na\n0\nT: u\n\n",
         "200 OK 1.1 {Transfer-Encoding=chunked;} keep chunked <a> {T=u;}\nend"},
        {"\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "200 OK 1.1 {Content-Length=0;} keep length=0 <>\nend"},
        // reasons
        {"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", "200  1.1 {Content-Length=0;} keep length=0 <>\nend"},
        {"HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", "200  1.1 {Content-Length=0;} keep length=0 <>\nend"},
        {"HTTP/1.1 299 A: b \xe4\r\nContent-Length: 0\r\n\r\n",
         "299 A: b \xe4 1.1 {Content-Length=0;} keep length=0 <>\nend"},
        {"HTTP/1.1 999 x\r\nContent-Length: 0\r\n\r\n", "999 x 1.1 {Content-Length=0;} keep length=0 <>\nend"},
        // fields
        {"HTTP/1.1 200 OK\r\nA: b\r\n  c\r\n\td \r\nContent-Length: 0\r\n\r\n",
         "200 OK 1.1 {A=b c d;Content-Length=0;} keep length=0 <>\nend"},
        {"HTTP/1.1 200 OK\r\nA:\r\n b\r\nContent-Length: 0\r\n\r\n",
         "200 OK 1.1 {A=b;Content-Length=0;} keep length=0 <>\nend"},
        {"HTTP/1.1 200 OK\r\nA : b\r\nContent-Length: 0\r\n\r\n",
         "200 OK 1.1 {A=b;Content-Length=0;} keep length=0 <>\nend"},
        {"HTTP/1.1 200 OK\r\nA b: c\r\n folded\r\nContent-Length: 0\r\n\r\n",
         "200 OK 1.1 {Content-Length=0;} keep length=0 <>\nend"},
        {"HTTP/1.1 200 OK\r\nA: \x01\r\nContent-Length: 0\r\n\r\n",
         "200 OK 1.1 {A=\x01;Content-Length=0;} keep length=0 <>\nend"},
        // lengths that can only mean one thing
        {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na",
         "200 OK 1.1 {Content-Length=1;Content-Length=1;} keep length=1 <a>\nend"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n\r\na",
         "200 OK 1.1 {Content-Length=1, 1;} keep length=1 <a>\nend"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
         "200 OK 1.1 {Transfer-Encoding=chunked;} chunked <a>\nend"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n",
         "200 OK 1.1 {Transfer-Encoding=identity, chunked;} keep chunked <>\nend"},
        {"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
         "200 OK 1.0 {Connection=keep-alive;Transfer-Encoding=chunked;} chunked <>\nend"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1  \r\na\r\n0 ;anything at all\r\n\r\n",
         "200 OK 1.1 {Transfer-Encoding=chunked;} keep chunked <a>\nend"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 7\r\nT: u\r\n\r\n",
         "200 OK 1.1 {Transfer-Encoding=chunked;} keep chunked <> {T=u;}\nend"},
    };
    for (const auto& [bytes, wanted] : table)
        EXPECT_EQ(read(bytes, responses()), wanted) << bytes;
}

TEST(http_parser, answers_to_head_and_connect_end_with_their_head) {
    const auto head = responses([](http::parser& p) { p.expect_no_body(); });
    EXPECT_EQ(read("HTTP/1.1 200 OK\r\nContent-Length: 999999999999\r\n\r\n", head),
              "200 OK 1.1 {Content-Length=999999999999;} keep length=999999999999 <>\nend");
    EXPECT_EQ(read("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", head),
              "200 OK 1.1 {Transfer-Encoding=gzip, chunked;} <>\nend");
    EXPECT_EQ(read("HTTP/1.1 103 x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHTTP/1.1 200 "
                   "OK\r\nContent-Length: 1\r\n\r\na",
                   head),
              "103 x 1.1 {} keep <>\n200 OK 1.1 {Content-Length=5;} keep length=5 <>\n200 OK 1.1 {Content-Length=1;} "
              "keep length=1 <a>\nend");

    const auto connect = responses([](http::parser& p) { p.expect_tunnel(); });
    EXPECT_EQ(read("HTTP/1.1 200 Connected\r\nContent-Length: 5\r\n\r\n\x16\x03", connect),
              "200 Connected 1.1 {Content-Length=5;} keep length=5 upgrade <>\nupgraded");
    EXPECT_EQ(read("HTTP/1.1 407 Auth\r\nContent-Length: 2\r\n\r\nno", connect),
              "407 Auth 1.1 {Content-Length=2;} keep length=2 <no>\nend");
}

TEST(http_parser, refuses_broken_responses_clearly) {
    const std::string ok = "HTTP/1.1 200 OK\r\n";
    const std::string chunked = ok + "Transfer-Encoding: chunked\r\n\r\n";
    const std::pair<std::string, errc> table[] = {
        {"<html>", errc::bad_status_line},
        {"ICY 200 OK\r\n", errc::bad_status_line},
        {"HTTP/1.1\r\n", errc::bad_status_line},
        {"HTTP/1.1 20\r\n", errc::bad_status_line},
        {"HTTP/1.1 2000 OK\r\n", errc::bad_status_line},
        {"HTTP/1.1  200 OK\r\n", errc::bad_status_line},
        {"HTTP/1.1 099 OK\r\n", errc::bad_status_line},
        {"HTTP/1.1 200OK\r\n", errc::bad_status_line},
        {"HTTP 200 OK\r\n", errc::bad_status_line},
        {"HTTP/2 200\r\n", errc::bad_status_line},
        {"HTTP/2.0 200\r\n", errc::unsupported_version},
        {"HTTP/1.1 200 OK\rX: y\r\n", errc::lone_cr},
        {ok + "A: b\rContent-Length: 5\r\n", errc::lone_cr},
        {ok + std::string("A: b\0\r\n", 7), errc::nul_byte},
        {ok + "no colon\r\n", errc::bad_field},
        {ok + " folded at once\r\n", errc::bad_field},
        {ok + "Content-Length : 1\r\n", errc::space_before_colon},
        {ok + "Transfer-Encoding : chunked\r\n", errc::space_before_colon},
        {ok + "Content-Length: 1\r\n 0\r\n", errc::ambiguous_length},
        {ok + "Transfer-Encoding:\r\n chunked\r\n", errc::ambiguous_length},
        {ok + "Content-Length: 1\r\nContent-Length: 2\r\n\r\n", errc::ambiguous_length},
        {ok + "Content-Length: 1, 2\r\n\r\n", errc::ambiguous_length},
        {ok + "Content-Length: -1\r\n\r\n", errc::bad_content_length},
        {ok + "Content-Length:\r\n\r\n", errc::bad_content_length},
        {ok + "Content-Length: 67108865\r\n\r\n", errc::body_too_large},
        {ok + "Transfer-Encoding: gzip, chunked\r\n\r\n", errc::unsupported_coding},
        {ok + "Transfer-Encoding: gzip\r\n\r\n", errc::unsupported_coding},
        {ok + "Transfer-Encoding: chunked, chunked\r\n\r\n", errc::ambiguous_length},
        {ok + "Transfer-Encoding: chunked;x\r\n\r\n", errc::ambiguous_length},
        {chunked + "zz\r\n", errc::bad_chunk},
        {chunked + "5 garbage\r\n", errc::bad_chunk},
        {chunked + "1\r\nab\r\n", errc::bad_chunk},
        {chunked + "ffffffffffffffffff\r\n", errc::bad_chunk},
        {"HTTP/1.", errc::closed_in_head},
        {ok, errc::closed_in_head},
        {ok + "Content-Length: 2\r\n\r\na", errc::closed_in_body},
        {chunked + "2\r\nab\r\n", errc::closed_in_body},
        {ok + "Content-Length: 1\r\n\r\nagarbage", errc::bad_status_line},
    };
    for (const auto& [bytes, wanted] : table) {
        const auto told = read(bytes, responses());
        EXPECT_TRUE(ends_with_error(told, wanted))
            << bytes << "\n  wanted" << error_of(wanted) << "\n  got    " << told;
    }
}

// ---- the object ----

TEST(http_parser, errors_are_thrown_with_place_and_cause) {
    const auto why = [](reads what, std::string_view bytes) -> std::string {
        http::parser p(what);
        try {
            for (auto s = p.feed(bytes); s.kind != http::event::need_more; s = p.feed(bytes))
                bytes.remove_prefix(s.consumed);
            p.finish();
        } catch (const http::protocol_error& error) {
            EXPECT_EQ(error.error(), p.error());
            return error.what();
        }
        return "no error";
    };
    EXPECT_EQ(why(reads::requests, "GET / HTTP/1.1\r\nHost : h\r\n"),
              "http request, line 2 'Host : h': white space before the colon");
    EXPECT_EQ(why(reads::responses, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"),
              "http response, body after 3 of 10 bytes: connection closed in the middle of the body");
    EXPECT_EQ(why(reads::responses, ""), "http response: connection closed before the first byte");
}

TEST(http_parser, stays_failed_until_reset_and_can_be_moved_at_any_time) {
    http::parser p(reads::requests);
    EXPECT_EQ(p.try_feed("\x01").kind, http::event::failed);
    EXPECT_EQ(p.try_feed("GET / HTTP/1.1\r\n").kind, http::event::failed);
    EXPECT_EQ(p.try_finish().kind, http::event::failed);
    p.reset();
    EXPECT_TRUE(p.idle());
    EXPECT_EQ(p.head().method(), "");
    EXPECT_EQ(p.head().target(), "");
    EXPECT_EQ(p.feed("POST /x HTTP/1.1\r\nHost: h\r\nContent-Len").kind, http::event::need_more);
    EXPECT_FALSE(p.idle());
    auto q = std::move(p);
    EXPECT_EQ(q.feed("gth: 3\r\n\r\n").kind, http::event::head);
    auto r = std::move(q);
    EXPECT_EQ(r.head().target(), "/x");
    EXPECT_EQ(r.head().get("content-length"), "3");
    EXPECT_EQ(r.feed("abc").body_piece, "abc");
    EXPECT_EQ(r.feed("").kind, http::event::done);
    EXPECT_EQ(r.feed("next").consumed, 0u);
}

TEST(http_parser, keeps_its_memory_from_message_to_message) {
    http::parser p(reads::requests);
    const std::string bytes =
        "GET /a/longer/target/than/fits/inline HTTP/1.1\r\nHost: example.org\r\nAccept: text/html, and so on\r\n\r\n";
    const auto where = [&] {
        p.reset();
        EXPECT_EQ(p.feed(bytes).kind, http::event::head);
        return std::pair(p.head().target().data(), p.head().fields()[0].name.data());
    };
    const auto first = where();
    for (int i = 0; i < 5; ++i)
        EXPECT_EQ(where(), first);
}

}  // namespace net_http_parser_test
