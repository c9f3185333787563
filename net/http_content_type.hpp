#pragma once
// What kind of content a file has, by the end of its name.

#include <string_view>

namespace ringlet::http {

/// "text/html; charset=utf-8" for "index.html"; "application/octet-stream" for what is not known.
std::string_view content_type_of(std::string_view name) noexcept;

}  // namespace ringlet::http
