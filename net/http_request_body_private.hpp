#pragma once
// A body on its way: its files are open, so that its length is known.

#include <ringlet/io/file.hpp>
#include <ringlet/net/http_connection.hpp>
#include <ringlet/net/http_request_body.hpp>
#include <ringlet/net/http_writer.hpp>

namespace ringlet::http {

class sending_body {
public:
    /// `body` must outlive it.
    explicit sending_body(const request_body& body) noexcept : body_(body) {}

    /// Awaitable: opens the files. To be called first.
    task<> open();
    body_size size() const;
    /// Awaitable: writes all of it.
    task<> send(connection& to);

private:
    using segment = request_body::segment;
    task<> send_file(connection& to, io::file& from, std::uint64_t size);
    task<> send_pieces(connection& to, const segment& s);
    task<> write(connection& to, std::string_view bytes);
    bool chunked() const;

    const request_body& body_;
    std::vector<std::pair<io::file, std::uint64_t>> files_;  // and how long they are
};

}  // namespace ringlet::http
