#pragma once
// What a parser makes of a stream of bytes, as a text. A story is told whole, one byte at a time, cut in two at every
// place, and at the very edge of readable memory; all must come out the same.

#include <ringlet/net/http_parser.hpp>

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace story::parsing {

namespace http = ringlet::http;
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
inline std::string read(std::string_view bytes, const world& w = {}) {
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

inline world responses(std::function<void(http::parser&)> before = [](http::parser&) {}) {
    return {reads::responses, http::limits::client(), std::move(before)};
}

inline std::string error_of(errc e) { return "> error: " + make_error_code(e).message(); }

inline bool ends_with_error(const std::string& told, errc e) { return told.ends_with(error_of(e)); }

}  // namespace story::parsing
