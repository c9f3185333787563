// Whatever bytes come, a url that is accepted must be its own normal form, and its parts must be the
// parts of its text; a reference on it must again give such a url.
#include <ringlet/net/url.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

using ringlet::net::url;

namespace {

void require(bool holds) {
    if (!holds)
        std::abort();
}

void check(const url& u) {
    const auto again = url::try_parse(u.to_string());
    require(again.has_value() && *again == u);
    std::string text(u.scheme());
    text += "://";
    text += u.username();
    if (!u.password().empty())
        (text += ':') += u.password();
    if (!u.username().empty() || !u.password().empty())
        text += '@';
    (text += u.authority()) += u.path();
    if (u.has_query())
        (text += '?') += u.query();
    if (u.has_fragment())
        (text += '#') += u.fragment();
    require(text == u.to_string());
    require(!u.host().empty() && u.path().starts_with('/') && u.target().starts_with('/'));
    require(u.to_string().find_first_not_of(
                "!\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~") ==
            std::string::npos);
    require(u.resolve("") == u.resolve("#").resolve(""));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view all(reinterpret_cast<const char*>(data), size);
    const auto cut = all.find('\0');
    static const auto page = url::parse("http://user:pw@host:81/a/b/c?q#f");
    std::string reason;
    const auto first = url::try_parse(all.substr(0, cut), &reason);
    if (first)
        check(*first);
    require(first || !reason.empty());
    const auto& base = first ? *first : page;
    if (const auto found = base.try_resolve(cut == all.npos ? all : all.substr(cut + 1)))
        check(*found);
    return 0;
}
