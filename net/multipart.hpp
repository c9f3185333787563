#pragma once
// multipart/form-data (RFC 7578), as browsers write it: forms with files. Files are read when the request
// is sent, piece by piece.

#include <ringlet/net/http_request_body.hpp>

#include <string>
#include <string_view>

namespace ringlet::http {

class multipart {
public:
    /// Boundaries are random, 128 bits, so that no part can contain the next one; a test may choose one.
    multipart();
    explicit multipart(std::string boundary) : boundary_(std::move(boundary)) {}

    multipart& add(std::string_view name, std::string_view value);
    /// A file on disk; the server is told the last part of its path unless `filename` is given.
    multipart& add_file(std::string_view name, std::string path, std::string_view filename = {},
                        std::string_view type = {});
    /// The same from memory, or from anywhere.
    multipart& add_content(std::string_view name, std::string_view filename, request_body content,
                           std::string_view type = {});

    /// "multipart/form-data; boundary=..."
    std::string content_type() const { return "multipart/form-data; boundary=" + boundary_; }
    /// To be called once, when all is added.
    request_body body() &&;

private:
    void begin(std::string_view name, std::string_view filename, bool is_file, std::string_view type);

    std::string boundary_;
    request_body parts_;
};

}  // namespace ringlet::http
