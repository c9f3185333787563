#include <ringlet/net/decompress.hpp>

#include <ringlet/net/ascii_private.hpp>
#include <ringlet/net/decompress_private.hpp>

#include <algorithm>

namespace ringlet::http {
namespace {

constexpr std::size_t most_codings = 5, buffer_size = 16 * 1024;

std::unique_ptr<detail::coder> coder_for(std::string_view name) {
    using net::ascii::iequals;
    if (iequals(name, "gzip") || iequals(name, "x-gzip"))
        return detail::make_gzip();
    if (iequals(name, "deflate"))
        return detail::make_deflate();
    if (iequals(name, "br"))
        return detail::make_brotli();
    if (iequals(name, "zstd"))
        return detail::make_zstd();
    return nullptr;
}

std::string supported() {
    std::string list;
    for (const char* name : {"gzip", "deflate", "br", "zstd"})
        if (coder_for(name))
            list.append(list.empty() ? "" : ", ").append(name);
    return list;
}

}  // namespace

struct decompressor::stage {
    std::unique_ptr<detail::coder> undo;
    std::unique_ptr<std::byte[]> buffer;  // what the stage before wrote; the first one has none
    std::string_view unread;
    std::uint64_t written = 0;
    bool begun = false;
};

std::string_view supported_codings() noexcept {
    static const std::string list = supported();
    return list;
}

std::optional<decompressor> decompressor::make(std::string_view content_encoding, std::uint64_t most) {
    std::vector<stage> stages;
    while (!content_encoding.empty()) {
        const std::size_t comma = content_encoding.rfind(',');
        const std::string_view name =
            net::ascii::trim(comma == content_encoding.npos ? content_encoding : content_encoding.substr(comma + 1));
        content_encoding = content_encoding.substr(0, comma == content_encoding.npos ? 0 : comma);
        if (name.empty() || net::ascii::iequals(name, "identity"))
            continue;
        stage next;
        next.undo = coder_for(name);
        if (!next.undo)
            return std::nullopt;
        if (stages.size() == most_codings)
            throw protocol_error(errc::bad_compression, "http response with more than 5 content codings");
        if (!stages.empty())
            next.buffer = std::make_unique_for_overwrite<std::byte[]>(buffer_size);
        stages.push_back(std::move(next));
    }
    if (stages.empty())
        return std::nullopt;
    return decompressor(std::move(stages), most);
}

decompressor::decompressor(std::vector<stage> stages, std::uint64_t most) : stages_(std::move(stages)), most_(most) {}
decompressor::decompressor(decompressor&&) noexcept = default;
decompressor& decompressor::operator=(decompressor&&) noexcept = default;
decompressor::~decompressor() = default;

std::size_t decompressor::read(std::string_view& in, std::span<std::byte> out) {
    return out.empty() ? 0 : pull(stages_.size() - 1, in, out);
}

/// What stage `which` writes next.
std::size_t decompressor::pull(std::size_t which, std::string_view& in, std::span<std::byte> out) {
    stage& s = stages_[which];
    std::string_view& from = which == 0 ? in : s.unread;
    for (;;) {
        s.begun = s.begun || !from.empty();
        const std::size_t count = s.undo->decode(from, out);
        s.written += count;
        // Each stage has the limit, so that one bomb inside another does not keep us busy for ever.
        if (s.written > most_)
            throw protocol_error(
                errc::body_too_large,
                std::string(s.undo->name()) + " body, decompressed to more than " + std::to_string(most_) + " bytes");
        if (count > 0 || which == 0)
            return count;
        const std::span<std::byte> room(s.buffer.get(), buffer_size);
        const std::size_t more = pull(which - 1, in, room);
        if (more == 0)
            return 0;
        s.unread = {reinterpret_cast<const char*>(s.buffer.get()), more};
    }
}

void decompressor::finish() const {
    for (const stage& s : stages_)
        if (s.begun && !s.undo->complete())
            throw protocol_error(errc::compression_cut_short, std::string(s.undo->name()) + " body");
}

}  // namespace ringlet::http
