// Precompiled once for all tests: GoogleTest costs seconds per file without it, and ringlet's own headers
// half a second.
// Tests include what they use as if this did not exist.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ringlet/core/event.hpp>
#include <ringlet/core/group.hpp>
#include <ringlet/core/result.hpp>
#include <ringlet/core/run.hpp>
#include <ringlet/core/sleep.hpp>
#include <ringlet/core/timeout.hpp>
#include <ringlet/io/stream.hpp>

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
