#include <ringlet/core/time.hpp>

#include <array>
#include <cstdio>

namespace ringlet {

std::string to_string(duration d) {
    struct unit {
        double ns;
        const char* name;
    };
    constexpr std::array units{unit{1e9, "s"}, unit{1e6, "ms"}, unit{1e3, "us"}, unit{1, "ns"}};
    const auto count = static_cast<double>(d.count());
    for (const unit& u : units)
        if (count >= u.ns) {
            char text[40];
            std::snprintf(text, sizeof text, "%.4g %s", count / u.ns, u.name);
            return text;
        }
    return "0 s";
}

}  // namespace ringlet
