#pragma once
// One coding. What a library needs is in the file of that library; without it the maker gives null.

#include <ringlet/net/http_error.hpp>

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace ringlet::http::detail {

class coder {
public:
    explicit coder(const char* name) noexcept : name_(name) {}
    virtual ~coder() = default;

    /// Takes from `in` and writes to `out`, which is not empty, until one of them is used up. Bytes after
    /// the end of the data are taken and dropped. 0 means that more input is needed.
    virtual std::size_t decode(std::string_view& in, std::span<std::byte> out) = 0;
    /// What has come is complete.
    virtual bool complete() const noexcept = 0;

    const char* name() const noexcept { return name_; }

protected:
    [[noreturn]] void refuse() const { throw protocol_error(errc::bad_compression, std::string(name_) + " body"); }

private:
    const char* name_;
};

std::unique_ptr<coder> make_gzip();
std::unique_ptr<coder> make_deflate();
std::unique_ptr<coder> make_brotli();
std::unique_ptr<coder> make_zstd();

}  // namespace ringlet::http::detail
