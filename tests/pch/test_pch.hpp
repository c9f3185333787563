// Precompiled once for all tests: GoogleTest costs seconds per file without it.
// Tests include what they use as if this did not exist.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <coroutine>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>
