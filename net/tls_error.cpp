#include <ringlet/net/tls_error.hpp>

#include <utility>

namespace ringlet::tls {
namespace {

class category final : public std::error_category {
public:
    const char* name() const noexcept override { return "tls"; }

    std::string message(int value) const override {
        switch (static_cast<errc>(value)) {
            case errc::expired: return "the certificate is not valid at this time";
            case errc::wrong_host: return "the certificate is for another host";
            case errc::self_signed: return "the certificate is self-signed";
            case errc::unknown_authority: return "the certificate was issued by an unknown authority";
            case errc::pin_mismatch: return "the certificate has none of the pinned keys";
            case errc::no_certificate: return "the peer showed no certificate";
            case errc::bad_certificate: return "the certificate cannot be trusted";
            case errc::refused: return "the peer refused";
            case errc::not_tls: return "the peer does not speak TLS";
            case errc::protocol: return "the peer broke the rules of TLS";
            case errc::closed: return "the peer closed the connection during the handshake";
            case errc::truncated: return "the stream was cut off";
            case errc::bad_configuration: return "it cannot be used";
        }
        return "unknown error " + std::to_string(value);
    }

    std::error_condition default_error_condition(int value) const noexcept override {
        switch (static_cast<errc>(value)) {
            case errc::closed:
            case errc::truncated: return std::errc::connection_reset;
            default: return {value, *this};
        }
    }
};

}  // namespace

const std::error_category& tls_category() noexcept {
    static const category the;
    return the;
}

std::error_code make_error_code(errc e) noexcept { return {static_cast<int>(e), tls_category()}; }

error::error(errc e, std::string text) : std::system_error(make_error_code(e)), text_(std::move(text)) {}

}  // namespace ringlet::tls
