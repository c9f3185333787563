// Compressed bytes: the verdict does not depend on the cut, nothing is written beyond the limit, and it
// comes to an end.
#include <ringlet/net/decompress.hpp>
#include <ringlet/net/http_error.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

using namespace ringlet;

namespace {

void require(bool holds) {
    if (!holds)
        std::abort();
}

constexpr std::uint64_t most = 1 << 16;

std::string undone(std::string_view coding, std::string_view bytes, std::size_t step, std::size_t room) {
    auto d = http::decompressor::make(coding, most);
    if (!d)
        return "unknown";
    std::string out;
    std::vector<std::byte> buffer(room);
    try {
        while (!bytes.empty()) {
            const std::string piece(
                bytes.substr(0, step));  // of the exact size, so that the sanitizer sees a byte too far
            std::string_view in = piece;
            while (const std::size_t count = d->read(in, buffer)) {
                require(count <= room);
                out.append(reinterpret_cast<const char*>(buffer.data()), count);
                require(out.size() <= most);
            }
            require(in.empty());
            bytes.remove_prefix(piece.size());
        }
        d->finish();
    } catch (const http::protocol_error& e) {
        // How much came out before an error was noticed depends on the library's own buffers.
        return std::string("error ") + e.what();
    }
    return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    constexpr std::string_view codings[] = {"gzip",       "deflate",  "br",           "zstd",
                                            "gzip, gzip", "br, gzip", "zstd, deflate"};
    if (size < 2)
        return 0;
    const auto coding = codings[data[0] % std::size(codings)];
    const std::string_view bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
    const std::string whole = undone(coding, bytes, bytes.size() + 1, 4096);
    const std::string cut = undone(coding, bytes, 1 + data[1] % 16, 1 + data[1]);
    // A malformed stream may be found out in two ways, of which either is right.
    require(whole == cut || (whole.starts_with("error") && cut.starts_with("error")));
    return 0;
}
