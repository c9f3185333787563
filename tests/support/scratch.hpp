#pragma once
// A folder that goes with the test.

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

namespace story {

class scratch_folder {
public:
    scratch_folder() {
        if (::mkdtemp(path.data()) == nullptr)
            throw std::runtime_error("mkdtemp " + path);
    }
    scratch_folder(const scratch_folder&) = delete;
    scratch_folder& operator=(const scratch_folder&) = delete;
    ~scratch_folder() { std::filesystem::remove_all(path); }

    std::string at(std::string_view name) const { return path + '/' + std::string(name); }
    bool has(std::string_view name) const { return std::filesystem::exists(at(name)); }
    std::string read(std::string_view name) const {
        std::ifstream in(at(name), std::ios::binary);
        return {std::istreambuf_iterator<char>(in), {}};
    }
    void write(std::string_view name, std::string_view content) const {
        std::ofstream(at(name), std::ios::binary) << content;
    }

    std::string path = "/tmp/ringlet-test-XXXXXX";
};

}  // namespace story
