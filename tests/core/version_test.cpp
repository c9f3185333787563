#include <gmock/gmock.h>
#include <ringlet/core/version.hpp>

namespace core_version_test {

TEST(version, is_three_numbers) {
    EXPECT_THAT(std::string(ringlet::version()), testing::MatchesRegex("[0-9]+\\.[0-9]+\\.[0-9]+"));
}

}  // namespace core_version_test
