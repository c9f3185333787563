#include <ringlet/net/multipart.hpp>

#include <random>

namespace ringlet::http {
namespace {

std::string random_boundary() {
    std::random_device source;
    std::string text = "ringlet-";
    for (int i = 0; i < 4; ++i)
        for (unsigned bits = source(), digit = 0; digit < 8; ++digit, bits >>= 4)
            text += "0123456789abcdef"[bits & 15];
    return text;
}

/// As the HTML standard wants names escaped.
std::string escaped(std::string_view name) {
    std::string out;
    for (const char c : name) {
        if (c == '"')
            out += "%22";
        else if (c == '\r')
            out += "%0D";
        else if (c == '\n')
            out += "%0A";
        else
            out += c;
    }
    return out;
}

}  // namespace

multipart::multipart() : multipart(random_boundary()) {}

multipart& multipart::add(std::string_view name, std::string_view value) {
    begin(name, {}, false, {});
    parts_.append(std::string(value) + "\r\n");
    return *this;
}

multipart& multipart::add_file(std::string_view name, std::string path, std::string_view filename,
                               std::string_view type) {
    const std::string last = path.substr(path.rfind('/') + 1);
    return add_content(name, filename.empty() ? last : filename, request_body::file(std::move(path)), type);
}

multipart& multipart::add_content(std::string_view name, std::string_view filename, request_body content,
                                  std::string_view type) {
    begin(name, filename, true, type);
    parts_.append(std::move(content));
    parts_.append("\r\n");
    return *this;
}

void multipart::begin(std::string_view name, std::string_view filename, bool is_file, std::string_view type) {
    std::string head = "--" + boundary_ + "\r\nContent-Disposition: form-data; name=\"" + escaped(name) + '"';
    if (is_file) {
        head += "; filename=\"" + escaped(filename) + "\"\r\nContent-Type: ";
        // A line break here would be a header of somebody else's making.
        head += type.empty() || type.find_first_of("\r\n") != type.npos ? "application/octet-stream" : type;
    }
    parts_.append(head + "\r\n\r\n");
}

request_body multipart::body() && {
    parts_.append("--" + boundary_ + "--\r\n");
    return std::move(parts_);
}

}  // namespace ringlet::http
