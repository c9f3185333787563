// llhttp behind a wall: the one file that includes <llhttp.h> is http_framer.cpp, so the installed
// headers need nothing of it. The parser tells it lines that were judged already; it decides which
// methods exist, where a body begins and ends, and what a chunk size is worth. It never sees more than
// one message nor a byte behind the current one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace ringlet::http::detail {

class framer {
public:
    explicit framer(bool requests);
    void reset();

    /// False when llhttp refuses. `bytes` may be any part of a message.
    bool tell(std::string_view bytes);
    /// The peer has closed: true if that is a proper end of the message.
    bool tell_end();

    /// To be said before the empty line of the head is told.
    void skip_body() { skip_body_ = true; }
    /// The end of the message was told.
    bool complete() const { return complete_; }
    /// The size in the chunk line that was told last.
    std::uint64_t chunk_size() const { return chunk_size_; }
    /// How many of the bytes told last were body.
    std::size_t body_bytes() const { return body_bytes_; }
    /// It was the request target that llhttp refused.
    bool refused_target() const;

private:
    struct callbacks;
    bool skip_body_ = false, complete_ = false;
    std::uint64_t chunk_size_ = 0;
    std::size_t body_bytes_ = 0;
    // An llhttp_t lives here; the .cpp asserts that it fits.
    alignas(8) std::byte machine_[128];
};

}  // namespace ringlet::http::detail
