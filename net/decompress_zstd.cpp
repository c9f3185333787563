#include <ringlet/net/decompress_private.hpp>

#include <zstd.h>

#include <new>

namespace ringlet::http::detail {
namespace {

// RFC 9659: as a content coding no window is larger than 8 MiB.
constexpr int largest_window_log = 23;

/// RFC 8878. Several frames may follow each other.
class zstd final : public coder {
public:
    zstd() : coder("zstd"), state_(ZSTD_createDStream()) {
        if (state_ == nullptr)
            throw std::bad_alloc();
        ZSTD_DCtx_setParameter(state_, ZSTD_d_windowLogMax, largest_window_log);
    }
    zstd(const zstd&) = delete;
    zstd& operator=(const zstd&) = delete;
    ~zstd() override { ZSTD_freeDStream(state_); }

    std::size_t decode(std::string_view& in, std::span<std::byte> out) override {
        std::size_t written = 0;
        while (written == 0 && !(in.empty() && (between_frames_ || !full_))) {
            ZSTD_inBuffer from{in.data(), in.size(), 0};
            ZSTD_outBuffer to{out.data(), out.size(), 0};
            const std::size_t left = ZSTD_decompressStream(state_, &to, &from);
            if (ZSTD_isError(left) != 0)
                refuse();
            in.remove_prefix(from.pos);
            written = to.pos;
            between_frames_ = left == 0;
            full_ = to.pos == to.size;
        }
        return written;
    }
    bool complete() const noexcept override { return between_frames_; }

private:
    ZSTD_DStream* state_;
    bool between_frames_ = false;
    bool full_ = false;  // there was no room left, so that more may be waiting inside
};

}  // namespace

std::unique_ptr<coder> make_zstd() { return std::make_unique<zstd>(); }

}  // namespace ringlet::http::detail
