#include <ringlet/net/websocket_deflate_private.hpp>

#include <zlib.h>

#include <algorithm>
#include <array>
#include <climits>
#include <new>
#include <utility>

namespace ringlet::http::detail {
namespace {

// What every flush of zlib ends with, and no message on the wire does (section 7.2.1).
constexpr std::string_view tail("\0\0\xff\xff", 4);

/// The stream's input becomes the front of `from`, which loses it. zlib only reads it.
void offer(z_stream& z, std::string_view& from) {
    z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(from.data()));
    z.avail_in = static_cast<uInt>(std::min<std::size_t>(from.size(), UINT_MAX));
    from.remove_prefix(z.avail_in);
}

/// The stream's output becomes `more` bytes at the end of `text`.
void make_room(z_stream& z, std::string& text, std::size_t more) {
    const std::size_t size = text.size();
    text.resize(size + more);
    z.next_out = reinterpret_cast<Bytef*>(text.data() + size);
    z.avail_out = static_cast<uInt>(more);
}

}  // namespace

bool can_deflate() noexcept { return true; }

// --- sending -----------------------------------------------------------------------------------------

struct message_deflater::stream {
    // A raw window of 8 bits is refused by zlib, but with 9 it looks no further back than 512 - 262 bytes,
    // which a peer with a window of 256 has. The hash table is as large as the window.
    explicit stream(int bits) {
        bits = std::max(bits, 9);
        if (deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -bits, bits - 7, Z_DEFAULT_STRATEGY) != Z_OK)
            throw std::bad_alloc();
    }
    stream(const stream&) = delete;
    stream& operator=(const stream&) = delete;
    ~stream() { deflateEnd(&z); }
    z_stream z{};
};

message_deflater::message_deflater(int window_bits, bool forgets) noexcept : bits_(window_bits), forgets_(forgets) {}
message_deflater::~message_deflater() = default;

std::string message_deflater::deflate(std::string_view message) {
    if (message.empty())
        return std::string(1, '\0');  // an empty block, to which zlib would add nothing (section 7.2.3.6)
    if (!stream_)
        stream_ = std::make_unique<stream>(bits_);
    z_stream& z = stream_->z;
    constexpr std::size_t piece = 16 * 1024;
    std::string payload;
    while (!message.empty()) {
        offer(z, message);
        const std::size_t first = std::min<std::size_t>(deflateBound(&z, z.avail_in) + tail.size() + 1, piece);
        for (std::size_t room = first; room != 0; room = z.avail_out == 0 ? piece : 0) {
            make_room(z, payload, room);
            ::deflate(&z, message.empty() ? Z_SYNC_FLUSH : Z_NO_FLUSH);
        }
        payload.resize(payload.size() - z.avail_out);
    }
    payload.resize(payload.size() - tail.size());
    if (forgets_)
        stream_.reset();
    return payload;
}

// --- receiving ---------------------------------------------------------------------------------------

struct message_inflater::stream {
    explicit stream(int bits) {
        if (inflateInit2(&z, -bits) != Z_OK)
            throw std::bad_alloc();
    }
    stream(const stream&) = delete;
    stream& operator=(const stream&) = delete;
    ~stream() { inflateEnd(&z); }

    verdict run(std::string_view payload, std::size_t most, std::string& message);
    void go_on_behind_the_last_block();

    z_stream z{};
    bool ended = false;  // a block said that it is the last one, and nothing came behind it
};

/// Section 7.2.3.4: the "last" block of a peer that cannot flush is not the last one of the connection.
void message_inflater::stream::go_on_behind_the_last_block() {
    std::array<Bytef, 32768> window;
    uInt size = 0;
    inflateGetDictionary(&z, window.data(), &size);
    inflateReset(&z);
    if (size > 0)
        inflateSetDictionary(&z, window.data(), size);
    ended = false;
}

message_inflater::verdict message_inflater::stream::run(std::string_view payload, std::size_t most,
                                                        std::string& message) {
    constexpr std::size_t first_piece = 1024, most_at_once = 64 * 1024;
    std::size_t piece = std::clamp(payload.size() * 2, first_piece, most_at_once);
    bool went_on = false;
    for (;;) {
        if (z.avail_in == 0)
            offer(z, payload);
        // One byte more than there may be, to see whether there is one.
        make_room(z, message, std::min(piece - 1, most - message.size()) + 1);
        piece = most_at_once;
        const int said = ::inflate(&z, Z_NO_FLUSH);
        message.resize(message.size() - z.avail_out);
        if (said != Z_OK && said != Z_STREAM_END && said != Z_BUF_ERROR)
            return verdict::malformed;
        if (message.size() > most)
            return verdict::too_large;
        const bool used_up = z.avail_in == 0 && payload.empty();
        if (said == Z_STREAM_END) {
            ended = true;
            if (used_up)
                return verdict::whole;
            if (std::exchange(went_on, true))
                return verdict::malformed;  // nobody needs two, and a megabyte of them would take seconds
            go_on_behind_the_last_block();
        } else if (used_up && z.avail_out > 0) {
            return verdict::whole;
        }
    }
}

message_inflater::message_inflater(int window_bits, bool forgets) noexcept : bits_(window_bits), forgets_(forgets) {}
message_inflater::~message_inflater() = default;

message_inflater::verdict message_inflater::inflate(std::string_view payload, std::size_t most,
                                                    std::string& message) {
    if (!stream_)
        stream_ = std::make_unique<stream>(bits_);
    verdict came = stream_->run(payload, most, message);
    if (came == verdict::whole && !stream_->ended)
        came = stream_->run(tail, most, message);
    if (came == verdict::whole && stream_->ended)
        stream_->go_on_behind_the_last_block();
    else if (came == verdict::whole && stream_->z.data_type != 128)
        came = verdict::malformed;  // it does not end between two blocks
    if (forgets_)
        stream_.reset();
    return came;
}

}  // namespace ringlet::http::detail
