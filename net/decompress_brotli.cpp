#include <ringlet/net/decompress_private.hpp>

#include <brotli/decode.h>

#include <cstdint>
#include <new>

namespace ringlet::http::detail {
namespace {

/// RFC 7932; its windows have at most 16 MiB.
class brotli final : public coder {
public:
    brotli() : coder("br"), state_(BrotliDecoderCreateInstance(nullptr, nullptr, nullptr)) {
        if (state_ == nullptr)
            throw std::bad_alloc();
    }
    brotli(const brotli&) = delete;
    brotli& operator=(const brotli&) = delete;
    ~brotli() override { BrotliDecoderDestroyInstance(state_); }

    std::size_t decode(std::string_view& in, std::span<std::byte> out) override {
        if (complete()) {
            in = {};
            return 0;
        }
        std::size_t there = in.size(), room = out.size();
        auto* next_in = reinterpret_cast<const std::uint8_t*>(in.data());
        auto* next_out = reinterpret_cast<std::uint8_t*>(out.data());
        if (BrotliDecoderDecompressStream(state_, &there, &next_in, &room, &next_out, nullptr) ==
            BROTLI_DECODER_RESULT_ERROR)
            refuse();
        in.remove_prefix(complete() ? in.size() : in.size() - there);
        return out.size() - room;
    }
    bool complete() const noexcept override { return BrotliDecoderIsFinished(state_) != 0; }

private:
    BrotliDecoderState* state_;
};

}  // namespace

std::unique_ptr<coder> make_brotli() { return std::make_unique<brotli>(); }

}  // namespace ringlet::http::detail
