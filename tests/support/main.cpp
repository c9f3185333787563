// All stories are one program, since that is linked once. `--in core/loop` tells those of one file, which are run
// together because a crash or a hang costs no others then.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>
#include <string>
#include <string_view>

namespace {

/// Whether a case was written in the file called `name`; one that is told in a header, where it is instantiated.
bool is_in(const std::string& name, const testing::TestInfo& test) {
    std::string prefix = name + '/';
    std::ranges::replace(prefix.begin(), prefix.end() - 1, '/', '_');
    return std::string_view(test.file()).ends_with('/' + name + "_test.cpp") ||
           std::string_view(test.test_suite_name()).starts_with(prefix);
}

/// Leaves out the cases of all other files, and says whether there is one of this.
bool choose(const std::string& name) {
    std::string filter = GTEST_FLAG_GET(filter);
    char before = filter.find('-') == std::string::npos ? '-' : ':';  // what follows a `-` is left out
    bool found = false;
    const auto& all = *testing::UnitTest::GetInstance();
    for (int i = 0; i < all.total_test_suite_count(); ++i) {
        const testing::TestSuite& suite = *all.GetTestSuite(i);
        for (int k = 0; k < suite.total_test_count(); ++k) {
            const testing::TestInfo& test = *suite.GetTestInfo(k);
            if (is_in(name, test)) {
                found = true;
            } else {
                filter.append({before}).append(test.test_suite_name()).append(".").append(test.name());
                before = ':';
            }
        }
    }
    GTEST_FLAG_SET(filter, filter);
    return found;
}

/// GoogleTest shows the filter, which is long, unless there is none; by then it has chosen.
class no_filter_to_show : public testing::EmptyTestEventListener {
    void OnTestProgramStart(const testing::UnitTest&) override { GTEST_FLAG_SET(filter, "*"); }
};

}  // namespace

int main(int argc, char** argv) {
    testing::InitGoogleMock(&argc, argv);
    // All in one process would meet the event loops that others leave on the thread.
    if (argc == 1 && (GTEST_FLAG_GET(filter) != "*" || GTEST_FLAG_GET(list_tests)))
        return RUN_ALL_TESTS();
    if (argc != 3 || argv[1] != std::string_view("--in")) {
        std::cerr << "usage: " << argv[0] << " --in FOLDER/FILE | --gtest_filter=CASES | --gtest_list_tests\n"
                  << "./dev test runs all files, each by itself.\n";
        return 2;
    }
    if (!choose(argv[2])) {
        std::cerr << argv[0] << ": no case is in " << argv[2] << "_test.cpp\n";
        return 2;
    }
    testing::UnitTest::GetInstance()->listeners().Append(new no_filter_to_show);
    return RUN_ALL_TESTS();
}
