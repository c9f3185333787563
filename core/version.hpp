// The version of the library that is linked, which can be newer than the headers.
#pragma once

#include <string_view>

namespace ringlet {

std::string_view version() noexcept;

}  // namespace ringlet
