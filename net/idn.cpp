#include <ringlet/net/idn_private.hpp>

#include <idn2.h>

namespace ringlet::net::detail {

std::string to_ascii_name(const std::string& name, std::string& reason) {
    char* out = nullptr;
    const int verdict = idn2_to_ascii_8z(name.c_str(), &out, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
    if (verdict != IDN2_OK || name.find('\0') != name.npos) {
        if (verdict == IDN2_OK)
            idn2_free(out);
        reason = std::string("is no international name: ") + idn2_strerror(verdict);
        return {};
    }
    std::string ascii(out);
    idn2_free(out);
    if (ascii.empty())
        reason = "is no international name: nothing is left of it";
    return ascii;
}

}  // namespace ringlet::net::detail
