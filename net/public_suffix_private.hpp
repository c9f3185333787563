#pragma once
// Which domains belong to nobody in particular ("com", "co.uk", "github.io"), so that no site may set a
// cookie for all of them. From libpsl; without it only names of one label are known to be such.

#include <string>

namespace ringlet::net::detail {

/// `domain` is in lower case, without a leading dot.
bool is_public_suffix(const std::string& domain);

}  // namespace ringlet::net::detail
