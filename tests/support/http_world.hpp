#pragma once
// A server at the other end of a memory stream, in virtual time, with pages for every story; and what a
// client without manners says to it.

#include "story.hpp"

#include <ringlet/core/report.hpp>
#include <ringlet/io/memory_stream.hpp>
#include <ringlet/net/http_server.hpp>

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace story {

using ringlet::task;
namespace http = ringlet::http;
namespace io = ringlet::io;
using namespace std::chrono_literals;

/// Reports of the runtime, while it lives.
class heard_reports {
public:
    heard_reports() {
        ringlet::set_report_sink([this](std::string_view text) { all.emplace_back(text); });
    }
    ~heard_reports() { ringlet::set_report_sink({}); }
    std::vector<std::string> all;
};

void add_pages(http::server& server);

/// A connection to a server.
class visit {
public:
    explicit visit(http::server& server, std::size_t capacity = 64 * 1024) : visit(server, io::duplex(capacity)) {}

    task<> say(std::string_view text);

    /// Everything up to the end of the stream.
    task<std::string> hear();

    /// Everything up to and with `last`, or the end of the stream.
    task<std::string> hear_until(std::string_view last);

    task<> leave();

    io::memory_stream end;
    ringlet::greenlet<> serving;

private:
    visit(http::server& server, std::pair<io::memory_stream, io::memory_stream> ends);
    task<bool> more(std::string& into);

    std::string heard_;
};

/// What a server says to a client that sends all this and then no more.
std::string answers(std::string_view sent, const http::server_options& options = {});

/// A plain answer, as the server writes it.
std::string answer(std::string_view body, std::string_view status = "200 OK", std::string_view more = {});

}  // namespace story
