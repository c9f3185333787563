#pragma once
// A whole response as a value: what a server's handler returns and what a client gets.

#include <ringlet/net/http_fields.hpp>

#include <string>
#include <string_view>
#include <utility>

namespace ringlet::http {

class response {
public:
    static constexpr std::string_view plain_text = "text/plain; charset=utf-8";

    response() = default;
    explicit response(int code) : status(code) {}
    response(int code, std::string text, std::string_view content_type = plain_text)
        : status(code), body(std::move(text)) {
        fields.add("Content-Type", content_type);
    }
    /// 200 with a text.
    response(std::string text) : response(200, std::move(text)) {}
    response(const char* text) : response(200, text) {}

    int status = 200;
    std::string reason;  // empty: the usual one
    http::fields fields;
    std::string body;
    http::fields trailers;  // what came after a chunked body
};

}  // namespace ringlet::http
