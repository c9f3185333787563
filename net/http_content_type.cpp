#include <ringlet/net/http_content_type.hpp>

#include <algorithm>
#include <array>
#include <utility>

#include "ascii_private.hpp"

namespace ringlet::http {
namespace {

// What the web is made of, in alphabetical order.
constexpr auto types = std::to_array<std::pair<std::string_view, std::string_view>>({
    {"aac", "audio/aac"},
    {"avif", "image/avif"},
    {"bmp", "image/bmp"},
    {"br", "application/octet-stream"},
    {"bz2", "application/x-bzip2"},
    {"css", "text/css; charset=utf-8"},
    {"csv", "text/csv; charset=utf-8"},
    {"epub", "application/epub+zip"},
    {"flac", "audio/flac"},
    {"gif", "image/gif"},
    {"gz", "application/gzip"},
    {"htm", "text/html; charset=utf-8"},
    {"html", "text/html; charset=utf-8"},
    {"ico", "image/x-icon"},
    {"ics", "text/calendar; charset=utf-8"},
    {"jpeg", "image/jpeg"},
    {"jpg", "image/jpeg"},
    {"js", "text/javascript; charset=utf-8"},
    {"json", "application/json"},
    {"jsonld", "application/ld+json"},
    {"m4a", "audio/mp4"},
    {"m4v", "video/mp4"},
    {"map", "application/json"},
    {"md", "text/markdown; charset=utf-8"},
    {"mjs", "text/javascript; charset=utf-8"},
    {"mov", "video/quicktime"},
    {"mp3", "audio/mpeg"},
    {"mp4", "video/mp4"},
    {"mpeg", "video/mpeg"},
    {"oga", "audio/ogg"},
    {"ogg", "audio/ogg"},
    {"ogv", "video/ogg"},
    {"opus", "audio/ogg"},
    {"otf", "font/otf"},
    {"pdf", "application/pdf"},
    {"png", "image/png"},
    {"rss", "application/rss+xml"},
    {"rtf", "application/rtf"},
    {"svg", "image/svg+xml"},
    {"tar", "application/x-tar"},
    {"tif", "image/tiff"},
    {"tiff", "image/tiff"},
    {"ttf", "font/ttf"},
    {"txt", "text/plain; charset=utf-8"},
    {"wasm", "application/wasm"},
    {"wav", "audio/wav"},
    {"weba", "audio/webm"},
    {"webm", "video/webm"},
    {"webmanifest", "application/manifest+json"},
    {"webp", "image/webp"},
    {"woff", "font/woff"},
    {"woff2", "font/woff2"},
    {"xhtml", "application/xhtml+xml"},
    {"xml", "application/xml"},
    {"xz", "application/x-xz"},
    {"zip", "application/zip"},
    {"zst", "application/zstd"},
});
static_assert(std::is_sorted(types.begin(), types.end()));

}  // namespace

std::string_view content_type_of(std::string_view name) noexcept {
    constexpr std::string_view unknown = "application/octet-stream";
    const auto dot = name.rfind('.');
    if (dot == name.npos || name.size() - dot > 16)
        return unknown;
    char lower[16];
    const std::string_view ending = name.substr(dot + 1);
    std::transform(ending.begin(), ending.end(), lower, net::ascii::lower);
    const std::string_view wanted(lower, ending.size());
    const auto found = std::lower_bound(types.begin(), types.end(), wanted,
                                        [](const auto& type, std::string_view w) { return type.first < w; });
    return found != types.end() && found->first == wanted ? found->second : unknown;
}

}  // namespace ringlet::http
