// Hundreds of requests that two parsers could read in two ways, made by rule. Whatever the disguise, and
// however the bytes are cut: one refusal, then the end of the connection, and nothing of what follows is
// taken for a request.

#include "support/http_world.hpp"

namespace net_http_smuggling_test {

using namespace ringlet;
using namespace story;

const std::string smuggled = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";

struct attack {
    std::string bytes;
    std::string verdict;  // "400", or "4.." for any refusal of its class
};

std::string byte(int value) { return std::string(1, static_cast<char>(value)); }

/// Everything that is no plain printable ASCII, in every place where it could be overlooked.
void add_odd_bytes(std::vector<attack>& all) {
    for (int b = 0; b < 256; ++b) {
        if (b >= 0x20 && b < 0x7f)
            continue;
        const std::string odd = byte(b);
        const bool text = b >= 0x80 || b == '\t';  // may stand in a value
        all.push_back({"G" + odd + "ET / HTTP/1.1\r\nHost: a\r\n\r\n", "400"});
        all.push_back({"GET /" + odd + " HTTP/1.1\r\nHost: a\r\n\r\n", "400"});
        all.push_back({"GET / HTTP/1.1" + odd + "\r\nHost: a\r\n\r\n", "400"});
        all.push_back({"GET / HTTP/1.1\r\nHost: a\r\nX" + odd + ": b\r\n\r\n", "400"});
        all.push_back({"GET / HTTP/1.1\r\nHost: a" + odd + "b\r\n\r\n", "400"});
        if (!text)
            all.push_back({"GET / HTTP/1.1\r\nHost: a\r\nX: b" + odd + "c\r\n\r\n", "400"});
        if (b != '\t')
            all.push_back({"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0" + odd + "\r\n\r\n", "400"});
        all.push_back({"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:" + odd + "chunked\r\n\r\n",
                       b == '\t' ? "2.." : "400"});
        all.push_back(
            {"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0" + odd + "\r\n\r\n", "400"});
    }
}

/// Ways to say "chunked" that some program somewhere believes and another does not.
void add_codings(std::vector<attack>& all) {
    const std::vector<std::string> lines{
        "Transfer-Encoding : chunked",
        "Transfer-Encoding\t: chunked",
        " Transfer-Encoding: chunked",
        "Transfer_Encoding: chunked",
        "Transfer-Encoding;: chunked",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: chunkedx",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding: identity, chunked",
        "Transfer-Encoding: chunked, chunked",
        "Transfer-Encoding: ,chunked",
        "Transfer-Encoding: chunked,",
        "Transfer-Encoding: 'chunked'",
        "Transfer-Encoding: \"chunked\"",
        "Transfer-Encoding: chunked;q=1",
        "Transfer-Encoding: chunk",
        "Transfer-Encoding: identity",
        "Transfer-Encoding:",
        "Transfer-Encoding: cow",
        "Transfer-Encoding:\r\n chunked",
        "X: y\r\n Transfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: x",
        "Transfer-Encoding: x\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "X: y\nTransfer-Encoding: chunked",
        "X: y\rTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\n",
        "\"Transfer-Encoding\": chunked",
        "Transfer-Encoding=chunked",
        "Transfer-Encoding: c hunked",
        "Transfer-Encoding: chunked y",
        "Transfer-Encoding: deflate",
    };
    for (const std::string& line : lines) {
        all.push_back({"POST / HTTP/1.1\r\nHost: a\r\n" + line + "\r\n\r\n0\r\n\r\n", "400"});
        for (const std::string length : {"Content-Length: 5", "content-length:5"}) {
            all.push_back({"POST / HTTP/1.1\r\nHost: a\r\n" + length + "\r\n" + line + "\r\n\r\n0\r\n\r\n", "400"});
            all.push_back({"POST / HTTP/1.1\r\nHost: a\r\n" + line + "\r\n" + length + "\r\n\r\n0\r\n\r\n", "400"});
        }
    }
    for (const std::string head :
         {"Transfer-Encoding: chunked\r\nContent-Length: 5", "Content-Length: 5\r\nTRANSFER-ENCODING: Chunked"})
        all.push_back({"POST / HTTP/1.1\r\nHost: a\r\n" + head + "\r\n\r\n0\r\n\r\n", "400"});
    all.push_back({"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400"});
    all.push_back({"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "501"});
}

void add_lengths(std::vector<attack>& all) {
    for (const std::string value : {"",
                                    "+0",
                                    "-0",
                                    "-1",
                                    "0x0",
                                    "0 0",
                                    "0,0",
                                    "0, 0",
                                    "0;",
                                    "1e1",
                                    "0.0",
                                    "\"0\"",
                                    "0_",
                                    "18446744073709551616",
                                    "9223372036854775808",
                                    "99999999999999999999999999",
                                    "zero",
                                    "'0'",
                                    "0\\",
                                    "0/"})
        all.push_back({"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: " + value + "\r\n\r\n", "400"});
    for (const std::string lines :
         {"Content-Length: 0\r\nContent-Length: 0", "Content-Length: 0\r\nContent-Length: 5",
          "Content-Length: 5\r\nCONTENT-LENGTH: 0", "Content-Length : 0", "Content_Length: 0",
          "Content-Length:\r\n 0", "Content-Length 0"})
        all.push_back({"POST / HTTP/1.1\r\nHost: a\r\n" + lines + "\r\n\r\n", "400"});
}

void add_hosts_and_lines(std::vector<attack>& all) {
    for (const std::string host : {"",
                                   "Host: a\r\nHost: a\r\n",
                                   "Host: a\r\nHost: b\r\n",
                                   "Host: a,b\r\n",
                                   "Host: a b\r\n",
                                   "Host: a/b\r\n",
                                   "Host: u@a\r\n",
                                   "Host: a:b\r\n",
                                   "Host: a:1:2\r\n",
                                   "Host: [::1\r\n",
                                   "Host: a#\r\n",
                                   "Host: a?b\r\n",
                                   "Host: \r\n",
                                   "Host: :80\r\n",
                                   "Host: a:0\r\n",
                                   "Host: a:65536\r\n",
                                   "Host: []\r\n",
                                   "Host: [::1%25lo]\r\n",
                                   "Host : a\r\n",
                                   " Host: a\r\n",
                                   "Host: a\r\n b\r\n",
                                   "Host\r\n",
                                   "Host; a\r\n"})
        all.push_back({"GET / HTTP/1.1\r\n" + host + "\r\n", "400"});
    for (const std::string line : {"GET /",
                                   "GET / ",
                                   "GET  / HTTP/1.1",
                                   "GET / HTTP/1.1 ",
                                   " GET / HTTP/1.1",
                                   "GET / http/1.1",
                                   "GET / HTTP/1.1.1",
                                   "GET / HTTP/11",
                                   "GET / HTTP/1,1",
                                   "GET / HTTP /1.1",
                                   "GET /a b HTTP/1.1",
                                   "GET a HTTP/1.1",
                                   "GET #a HTTP/1.1",
                                   "GET /a#b HTTP/1.1",
                                   "GET * HTTP/1.1",
                                   "GET://a/ / HTTP/1.1",
                                   "/ HTTP/1.1",
                                   "GET",
                                   "HTTP/1.1 200 OK",
                                   "GET / HTTPS/1.1",
                                   "GET ftp://a/ HTTP/1.1",
                                   "GET http:// HTTP/1.1",
                                   "GET http:/// HTTP/1.1",
                                   "GET http:a HTTP/1.1",
                                   "GET http://?a HTTP/1.1",
                                   "GET http://u@a/ HTTP/1.1",
                                   "GET http://u:p@a/ HTTP/1.1",
                                   "GET http://a:x/ HTTP/1.1",
                                   "GET http://a:0/ HTTP/1.1",
                                   "GET http://a:65536/ HTTP/1.1",
                                   "CONNECT :80 HTTP/1.1",
                                   "CONNECT a: HTTP/1.1",
                                   "CONNECT / HTTP/1.1",
                                   "CONNECT a HTTP/1.1"})
        all.push_back({line + "\r\nHost: a\r\n\r\n", "400"});
    for (const std::string version : {"0.9", "1.2", "1.9", "2.0", "3.0", "9.9", "0.0"})
        all.push_back({"GET / HTTP/" + version + "\r\nHost: a\r\n\r\n", "505"});
    for (const std::string method : {"get", "GETT", "Get", "PRI", "XYZ", "!", "G-E-T"})
        all.push_back({method + " / HTTP/1.1\r\nHost: a\r\n\r\n", "501"});
    all.push_back({"CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n", "501"});
    for (const std::string expected :
         {"", "100", "100-continue, x", "200-ok", "100-continue\r\nExpect: 100-continue"})
        all.push_back({"GET / HTTP/1.1\r\nHost: a\r\nExpect: " + expected + "\r\n\r\n", "417"});
}

void add_chunks(std::vector<attack>& all) {
    const std::string head = "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (const std::string chunks : {"x\r\n",
                                     "\r\n0\r\n\r\n",
                                     " 0\r\n\r\n",
                                     "0 \r\n\r\n",
                                     "+0\r\n\r\n",
                                     "-1\r\n\r\n",
                                     "0x0\r\n\r\n",
                                     "0_0\r\n\r\n",
                                     "0\n\r\n",
                                     "0\r\r\n\r\n",
                                     "0\r\n\n",
                                     "0\r\n\r",
                                     "1\r\nab\r\n0\r\n\r\n",
                                     "1\r\na0\r\n\r\n",
                                     "1\r\na\n0\r\n\r\n",
                                     "1\r\na\r0\r\n\r\n",
                                     "3\r\na\r\n0\r\n\r\nx\r\n",
                                     "1;\r\na\r\n0\r\n\r\n",
                                     "1;=\r\na\r\n0\r\n\r\n",
                                     "1;a=\r\na\r\n0\r\n\r\n",
                                     "1;a=\"\r\na\r\n0\r\n\r\n",
                                     "1;a\nb\r\na\r\n0\r\n\r\n",
                                     "1;a\rb\r\na\r\n0\r\n\r\n",
                                     "1,a\r\na\r\n0\r\n\r\n",
                                     "00000000000000000\r\n\r\n",
                                     "10000000000000000\r\n",
                                     "FFFFFFFFFFFFFFFFF\r\n",
                                     "0\r\nHost: b\r\n\r\n",
                                     "0\r\nContent-Length: 5\r\n\r\n",
                                     "0\r\nTransfer-Encoding: x\r\n\r\n",
                                     "0\r\n a: b\r\n\r\n",
                                     "0\r\na : b\r\n\r\n",
                                     "0\r\na\r\n\r\n",
                                     "0\r\na: b\n\r\n",
                                     "0\r\na: \x01\r\n\r\n",
                                     "g\r\n",
                                     "1g\r\n"}) {
        all.push_back({head + chunks, "4.."});
    }
    all.push_back({head + "7fffffffffffffff\r\n", "413"});
    all.push_back({head + "100001\r\n", "413"});
}

std::vector<attack> all_attacks() {
    std::vector<attack> all;
    add_odd_bytes(all);
    add_codings(all);
    add_lengths(all);
    add_hosts_and_lines(all);
    add_chunks(all);
    return all;
}

/// Statuses of all answers, one after the other.
std::string statuses(std::string_view heard) {
    std::string all;
    for (std::size_t at = 0; (at = heard.find("HTTP/1.1 ", at)) != heard.npos; ++at) {
        const bool quoted = at > 0 && heard[at - 1] != '\n' && heard[at - 1] != '/';  // in the reason for a refusal
        if (!quoted)
            all.append(all.empty() ? "" : " ").append(heard.substr(at + 9, 3));
    }
    return all;
}

/// The same read by a parser alone, in pieces that end at `cuts`.
http::errc verdict(std::string_view bytes, const std::vector<std::size_t>& cuts) {
    http::parser parser(http::reads::requests);
    std::size_t from = 0;
    for (std::size_t i = 0; i <= cuts.size(); ++i) {
        std::string_view piece = bytes.substr(from, i < cuts.size() ? cuts[i] - from : bytes.npos);
        from += piece.size();
        for (;;) {
            const http::step found = parser.try_feed(piece);
            piece.remove_prefix(found.consumed);
            if (found.kind == http::event::failed)
                return parser.error();
            if (found.kind == http::event::need_more)
                break;
            if (found.kind == http::event::done)
                parser.reset();
        }
    }
    return {};
}

TEST(http_smuggling, every_disguise_is_refused_and_nothing_behind_it_is_believed) {
    const std::vector<attack> all = all_attacks();
    EXPECT_GT(all.size(), 500u);
    const heard_reports quiet;
    for (const attack& a : all) {
        const std::string heard = answers(a.bytes + smuggled);
        const std::string said = statuses(heard);
        if (a.verdict == "2..") {
            EXPECT_EQ(said, "200") << testing::PrintToString(a.bytes);
            continue;
        }
        EXPECT_TRUE(said == a.verdict || (a.verdict == "4.." && said.size() == 3 && said[0] == '4'))
            << said << " for " << testing::PrintToString(a.bytes);
        EXPECT_NE(heard.find("Connection: close\r\n"), heard.npos) << testing::PrintToString(a.bytes);
        EXPECT_EQ(heard.find("/smuggled\n"), heard.npos);
    }
}

TEST(http_smuggling, the_verdict_does_not_depend_on_the_cut) {
    for (const attack& a : all_attacks()) {
        const std::string bytes = a.bytes + smuggled;
        const http::errc whole = verdict(bytes, {});
        for (std::size_t cut = 1; cut < bytes.size(); ++cut)
            ASSERT_EQ(verdict(bytes, {cut}), whole) << "cut at " << cut << ": " << testing::PrintToString(a.bytes);
        std::vector<std::size_t> everywhere;
        for (std::size_t cut = 1; cut < bytes.size(); ++cut)
            everywhere.push_back(cut);
        ASSERT_EQ(verdict(bytes, everywhere), whole) << "byte by byte: " << testing::PrintToString(a.bytes);
    }
}

}  // namespace net_http_smuggling_test
