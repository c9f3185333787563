#include <ringlet/net/resolve_error.hpp>

#include "ascii_private.hpp"

namespace ringlet::net {
namespace {

class category final : public std::error_category {
public:
    const char* name() const noexcept override { return "resolve"; }

    std::string message(int value) const override {
        switch (static_cast<resolve_errc>(value)) {
            case resolve_errc::not_found: return "not found";
            case resolve_errc::no_addresses: return "it has no addresses";
            case resolve_errc::bad_name: return "not a host name";
            case resolve_errc::timed_out: return "timed out";
            case resolve_errc::server_failed: return "the name server failed";
            case resolve_errc::refused: return "the name server refused to answer";
            case resolve_errc::not_implemented: return "the name server does not answer such questions";
            case resolve_errc::bad_answer: return "the name server's answer makes no sense";
            case resolve_errc::unreachable: return "no name server could be reached";
        }
        return "unknown error " + std::to_string(value);
    }

    std::error_condition default_error_condition(int value) const noexcept override {
        if (static_cast<resolve_errc>(value) == resolve_errc::timed_out)
            return std::errc::timed_out;
        return {value, *this};
    }
};

std::string act(std::string_view host) { return "resolve " + ascii::printable(host, 255); }

/// Three digits are enough for a human, and hide what the loop was late.
duration rounded(duration d) {
    duration::rep unit = 1;
    while (d.count() / unit >= 1000)
        unit *= 10;
    return duration((d.count() + unit / 2) / unit * unit);
}

}  // namespace

const std::error_category& resolve_category() noexcept {
    static const category the;
    return the;
}

std::error_code make_error_code(resolve_errc e) noexcept { return {static_cast<int>(e), resolve_category()}; }

resolve_error::resolve_error(std::string_view host, std::error_code code)
    : std::system_error(code), text_(act(host) + ": " + code.message()) {}

resolve_error::resolve_error(std::string_view host, std::error_code code, duration waited)
    : std::system_error(code), text_(act(host) + ": " + code.message() + " after " + to_string(rounded(waited))) {}

}  // namespace ringlet::net
