#include <ringlet/net/http_redirects_private.hpp>

namespace ringlet::http::detail {

bool is_redirect(int status) noexcept {
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

std::string_view method_after(int status, std::string_view method, redirect_rule rule) noexcept {
    if (status == 303 || (status == 302 && rule == redirect_rule::requests))
        return method == "HEAD" ? method : "GET";
    return (status == 301 || status == 302) && method == "POST" ? "GET" : method;
}

bool takes_body_away(int status, std::string_view method, redirect_rule rule) noexcept {
    if (status == 301 || status == 302)
        return rule == redirect_rule::requests || method == "POST";
    return status == 303;
}

net::url target_after(const net::url& from, std::string_view location) {
    net::url to = from.resolve(location);
    if (!from.has_fragment() || to.has_fragment())
        return to;
    return net::url::parse(to.to_string() + '#' + std::string(from.fragment()));
}

void strip_fields(fields& f, bool other_origin, bool without_body) {
    if (other_origin)
        for (const char* name : {"authorization", "cookie", "proxy-authorization", "host"})
            f.remove(name);
    if (without_body)
        for (const char* name : {"content-type", "content-length", "content-encoding", "content-language",
                                 "content-location", "transfer-encoding"})
            f.remove(name);
}

}  // namespace ringlet::http::detail
