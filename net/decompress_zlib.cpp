#include <ringlet/net/decompress_private.hpp>

#include <zlib.h>

#include <algorithm>
#include <climits>
#include <new>

namespace ringlet::http::detail {
namespace {

constexpr int window_of_gzip = 15 + 16, window_of_zlib = 15, window_of_raw = -15;

class inflater {
public:
    explicit inflater(int window) {
        if (inflateInit2(&z_, window) != Z_OK)
            throw std::bad_alloc();
    }
    inflater(const inflater&) = delete;
    inflater& operator=(const inflater&) = delete;
    ~inflater() { inflateEnd(&z_); }

    /// False when the data is malformed.
    bool run(std::string_view& in, std::span<std::byte> out, std::size_t& written) {
        const auto room = static_cast<uInt>(std::min<std::size_t>(out.size(), UINT_MAX));
        const auto there = static_cast<uInt>(std::min<std::size_t>(in.size(), UINT_MAX));
        z_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));  // zlib only reads it
        z_.avail_in = there;
        z_.next_out = reinterpret_cast<Bytef*>(out.data());
        z_.avail_out = room;
        const int verdict = inflate(&z_, Z_NO_FLUSH);
        in.remove_prefix(there - z_.avail_in);
        written = room - z_.avail_out;
        ended_ = verdict == Z_STREAM_END;
        return verdict == Z_OK || verdict == Z_STREAM_END || verdict == Z_BUF_ERROR;
    }
    bool ended() const noexcept { return ended_; }
    void again() {
        inflateReset(&z_);
        ended_ = false;
    }

private:
    z_stream z_{};
    bool ended_ = false;
};

/// RFC 1952. Several members may follow each other; what else follows is padding, and dropped.
class gzip final : public coder {
public:
    gzip() : coder("gzip"), z_(window_of_gzip) {}

    std::size_t decode(std::string_view& in, std::span<std::byte> out) override {
        std::size_t written = 0;
        while (written == 0) {
            if (z_.ended() && !next_member(in))
                break;
            const std::size_t before = in.size();
            if (!z_.run(in, out, written))
                refuse();
            if (in.size() == before && written == 0)
                break;
        }
        return written;
    }
    bool complete() const noexcept override { return z_.ended(); }

private:
    /// Between two members, at their first two bytes.
    bool next_member(std::string_view& in) {
        while (!in.empty() && !padding_) {
            padding_ = in.front() != (half_ ? '\x8b' : '\x1f');
            in.remove_prefix(1);
            if (!padding_ && half_) {
                half_ = false;
                z_.again();
                std::string_view magic("\x1f\x8b");
                std::byte nothing[1];
                std::size_t none = 0;
                return z_.run(magic, nothing, none);
            }
            half_ = true;
        }
        in = {};
        return false;
    }

    inflater z_;
    bool half_ = false, padding_ = false;
};

/// "deflate" is zlib data (RFC 1950) by the book, and raw deflate data (RFC 1951) from servers that have
/// not read it; the first two bytes tell which.
class deflate final : public coder {
public:
    deflate() : coder("deflate") {}

    std::size_t decode(std::string_view& in, std::span<std::byte> out) override {
        while (size_ < 2 && !in.empty()) {
            first_[size_++] = in.front();
            in.remove_prefix(1);
        }
        if (size_ < 2)
            return 0;
        if (!z_) {
            const auto a = static_cast<unsigned char>(first_[0]), b = static_cast<unsigned char>(first_[1]);
            const bool zlib = (a & 15) == 8 && (a * 256 + b) % 31 == 0;
            z_ = std::make_unique<inflater>(zlib ? window_of_zlib : window_of_raw);
        }
        std::size_t written = 0;
        if (used_ < 2) {
            std::string_view rest(first_ + used_, 2 - used_);
            run(rest, out, written);
            used_ = 2 - rest.size();
        }
        while (written == 0 && !z_->ended() && used_ == 2) {
            const std::size_t before = in.size();
            run(in, out, written);
            if (in.size() == before && written == 0)
                break;
        }
        if (z_->ended())
            in = {};
        return written;
    }
    /// A single byte can be no stream; nor can it be told from a broken one before.
    bool complete() const noexcept override { return z_ && z_->ended(); }

private:
    void run(std::string_view& in, std::span<std::byte> out, std::size_t& written) {
        if (!z_->run(in, out, written))
            refuse();
    }

    std::unique_ptr<inflater> z_;
    char first_[2] = {};
    std::size_t size_ = 0, used_ = 0;
};

}  // namespace

std::unique_ptr<coder> make_gzip() { return std::make_unique<gzip>(); }
std::unique_ptr<coder> make_deflate() { return std::make_unique<deflate>(); }

}  // namespace ringlet::http::detail
