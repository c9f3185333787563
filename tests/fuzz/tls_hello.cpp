// Any bytes as what a TLS client says: the server's side asks for more, or refuses, and leaves nothing in
// OpenSSL's error queue.
#include <ringlet/net/tls_engine_private.hpp>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>

using namespace ringlet;

namespace {

// Made for this test, and used for nothing else.
const char* const certificate = R"(-----BEGIN CERTIFICATE-----
MIIBSDCB+6ADAgECAhRUmWtnjf91UJFj1bKibcWhh2nj5zAFBgMrZXAwEDEOMAwG
A1UEAwwFYS5vcmcwIBcNMjYxMTIyMDEzMzQ2WhgPMjEyNjEwMjkwMTMzNDZaMBAx
DjAMBgNVBAMMBWEub3JnMCowBQYDK2VwAyEAsoBQg49vBd4JXxoyQ7gmymIbmHdO
OvVL4GSiYf01bTOjZTBjMB0GA1UdDgQWBBQXTh50um3Ad3WTfRDgahJIJVI5+jAf
BgNVHSMEGDAWgBQXTh50um3Ad3WTfRDgahJIJVI5+jAPBgNVHRMBAf8EBTADAQH/
MBAGA1UdEQQJMAeCBWEub3JnMAUGAytlcANBALHL+rmSD3HdvCjTxx/8LEapf21G
WJkbEQ4W7mSle2TPMiU2xnP6Ohg1bVVISCdpeKHO5v9T9q2iwJ+XY25UJwY=
-----END CERTIFICATE-----
)";
const char* const key = R"(-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJt0bF974rElBWlTyjD69l2uD13Zlvg+hK2SMCISV8+V
-----END PRIVATE KEY-----
)";

const tls::context& server() {
    static const tls::context the(tls::server_options(tls::identity::pem(certificate, key))
                                      .certificate(tls::identity::pem(certificate, key))
                                      .alpn({"h2", "http/1.1"})
                                      .choose([](std::string_view name) -> std::optional<tls::context> {
                                          static const tls::context other{
                                              tls::server_options(tls::identity::pem(certificate, key))};
                                          return name == "no" ? std::nullopt : std::optional(other);
                                      }));
    return the;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    tls::detail::engine engine(server(), "", "fuzz");
    try {
        for (std::size_t at = 0; at < size;) {
            const std::span<std::byte> room = engine.room();
            const std::size_t count = std::min(room.size(), size - at);
            std::memcpy(room.data(), data + at, count);
            engine.filled(count);
            at += count;
            if (engine.handshake())
                std::abort();  // nobody guesses a whole handshake
        }
    } catch (const tls::error&) {}
    if (ERR_peek_error() != 0)
        std::abort();
    return 0;
}
