#include "contract.hpp"

namespace seam {

std::string name_of(const testing::TestParamInfo<std::string>& info) { return info.param; }

// Once for the stories of all files.
INSTANTIATE_TEST_SUITE_P(on, kernel_contract, testing::Values("uring", "readiness"), name_of);

}  // namespace seam
