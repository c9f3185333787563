#pragma once
// Queries and forms as browsers write them: application/x-www-form-urlencoded
// (https://url.spec.whatwg.org/#application/x-www-form-urlencoded).

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ringlet::http {

using pairs = std::vector<std::pair<std::string, std::string>>;

/// "a=1+2&b=%3D"
std::string form_encoded(const pairs& all);

/// The url with `params` appended to its query, before its fragment.
std::string with_params(std::string_view url, const pairs& params);

}  // namespace ringlet::http
