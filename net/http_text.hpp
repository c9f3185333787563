#pragma once
// Which characters the bytes of a body are, and those characters as UTF-8.

#include <ringlet/net/http_fields.hpp>

#include <string>
#include <string_view>

namespace ringlet::http {

/// The charset parameter of a Content-Type, in lower case; empty if there is none.
std::string charset_of(std::string_view content_type);

/// The encoding of a body, in lower case: from a byte order mark, the Content-Type, or the first
/// kilobyte of an HTML page or XML document (<meta charset>, <?xml encoding?>). Otherwise utf-8 if the
/// bytes are that, and windows-1252, which browsers take for latin-1 too.
std::string encoding_of(const fields& of_response, std::string_view body);

/// The bytes as UTF-8, without a byte order mark. What is malformed becomes U+FFFD; an encoding that
/// nobody knows is taken for windows-1252.
std::string to_utf8(std::string_view bytes, std::string_view encoding);

bool is_utf8(std::string_view bytes) noexcept;

}  // namespace ringlet::http
