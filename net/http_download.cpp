#include <ringlet/net/http_download.hpp>

#include <ringlet/core/result.hpp>
#include <ringlet/core/sleep.hpp>
#include <ringlet/io/file.hpp>
#include <ringlet/net/http_range_private.hpp>
#include <ringlet/net/url_host_private.hpp>

#include <algorithm>
#include <charconv>

namespace ringlet::http {
namespace {

constexpr std::size_t piece_size = 64 * 1024, most_of_info = 16 * 1024;

// What a program that is killed, or a machine that loses its power, may have fetched in vain.
constexpr std::uint64_t most_unnoted = 8 * 1024 * 1024;

/// A download between two attempts.
class transfer {
public:
    transfer(client& by, std::string url, std::string path, download_options options)
        : by_(by), path_(std::move(path)), options_(std::move(options)) {
        result_.url = std::move(url);
        asked_ = result_.url;
        request_options& r = options_.request;
        r.decompress = false;  // a part of something compressed is of no use, and lengths would not agree
        r.body_limit = r.body_limit.value_or(UINT64_MAX);
        r.fields.set("Accept-Encoding", "identity");
    }

    task<downloaded> run() {
        io::file part = co_await io::file::open(part_path(), io::file_mode::read_write());
        co_await find_rest(part);
        std::exception_ptr failed;
        try {
            co_await until_complete(part);
        } catch (const std::system_error&) {
            failed = std::current_exception();
        }
        if (failed) {
            co_await note(part);
            std::rethrow_exception(failed);
        }
        if (options_.sync)
            co_await part.sync();
        co_await part.close();
        co_await io::rename(part_path(), path_);
        co_await forget();
        result_.size = at_;
        co_return std::move(result_);
    }

private:
    std::string part_path() const { return path_ + ".part"; }
    std::string info_path() const { return path_ + ".part.info"; }

    /// Of the info: what was asked for, and by whom, but not with which password. That may change, and others may read
    /// the file.
    std::string first_line() const { return net::detail::without_password(asked_) + '\n'; }

    task<> until_complete(io::file& part) {
        duration wait = options_.backoff;
        for (unsigned in_vain = 1;; ++in_vain) {
            const std::uint64_t before = at_;
            ++result_.attempts;
            try {
                while (!co_await attempt(part))
                    ;  // a part has come, and nobody has said yet how long the whole is
                co_return;
            } catch (const request_error& e) {
                if (at_ > before) {
                    in_vain = 0;
                    wait = options_.backoff;
                }
                if (e.at() == request_error::stage::url || in_vain >= options_.attempts)
                    throw;
            }
            co_await sleep_for(wait);
            wait = 2 * std::min<duration>(wait, 30s);
        }
    }

    /// What an earlier call left, if it was of this url. When power fails, a later part of a file may be on
    /// the disk and an earlier one not: only what was synced before it was noted is believed.
    task<> find_rest(io::file& part) {
        auto read = io::read_file(info_path(), most_of_info);
        const auto info = co_await as_result(std::move(read));
        const std::string head = first_line();
        if (options_.resume && info && info->starts_with(head)) {
            const std::string_view rest = std::string_view(*info).substr(head.size());
            const std::size_t line = std::min(rest.find('\n'), rest.size());
            std::uint64_t noted = 0;
            std::from_chars(rest.data(), rest.data() + line, noted);
            const std::uint64_t there = co_await part.size();
            validator_ = rest.substr(std::min(line + 1, rest.size()));
            at_ = validator_.empty() || noted > there ? 0 : options_.sync ? noted : there;
        }
        noted_ = at_;
        result_.resumed_at = at_;
        co_await part.truncate(at_);
    }

    /// Notes how far the file is, and by what to know it again.
    task<> note(io::file& part) {
        if (validator_.empty())
            co_return;
        if (options_.sync && at_ > 0)
            co_await part.sync(true);
        noted_ = at_;
        const std::string info = first_line() + std::to_string(at_) + "\n" + validator_;
        co_await io::write_file(info_path(), info, io::replace_options().sync(options_.sync));
    }

    task<> forget() {
        auto removed = io::unlink(info_path());
        (void)co_await as_result(std::move(removed));  // there may be none
    }

    /// Awaitable: true when the file is complete.
    task<bool> attempt(io::file& part) {
        request_options r = options_.request;
        // Without something to tell the same file by, the old bytes are worth nothing.
        const bool rest = at_ > 0 && !validator_.empty();
        if (rest) {
            r.fields.set("Range", "bytes=" + std::to_string(at_) + "-");
            r.fields.set("If-Range", validator_);
        }
        incoming in = co_await by_.open("GET", asked_, std::move(r));
        result_.url = in.url();
        if (rest && in.status() == 416) {
            const auto range = detail::parse_content_range(in.fields().get_or("content-range", {}));
            if (range && !range->satisfied && range->total == at_)
                co_return true;  // it was complete already
        }
        std::optional<std::uint64_t> end = in.head().content_length();
        bool is_all = true;
        if (in.status() == 206 || (rest && in.status() == 416)) {
            if (!continues(in)) {
                co_await start_over(part);
                refuse("the server did not send the part that was asked for");
            }
            const auto range = detail::parse_content_range(in.fields().get_or("content-range", {}));
            if (range->total)
                total_ = range->total;
            // A server may send less than was asked for, and need not know the length of the whole.
            is_all = total_.has_value();
            end = total_.value_or(range->last + 1);
        } else if (in.status() == 200) {
            co_await begin(part, in);
            total_ = end;
        } else {
            throw status_error(in.status(), in.reason(), in.url());
        }
        co_await take(part, in, end);
        if (end && at_ > *end)
            co_await start_over(part);
        if (end && at_ != *end)
            refuse("the server sent another number of bytes than it said");
        co_return is_all;
    }

    [[noreturn]] void refuse(const char* why) const {
        throw request_error(request_error::stage::exchange, "GET", asked_, std::make_error_code(std::errc::io_error),
                            why);
    }

    /// Whether this is what is missing, of the same file.
    bool continues(const incoming& in) const {
        const auto range = detail::parse_content_range(in.fields().get_or("content-range", {}));
        const auto same = in.fields().get(validator_.starts_with('"') ? "etag" : "last-modified");
        return at_ > 0 && in.status() == 206 && range && range->satisfied && range->first == at_ &&
               (!same || *same == validator_);
    }

    task<> start_over(io::file& part) {
        at_ = noted_ = result_.resumed_at = 0;
        total_.reset();
        validator_.clear();
        co_await part.truncate(0);
    }

    /// The whole file comes. What it can be told by is noted before its first byte is written.
    task<> begin(io::file& part, const incoming& in) {
        co_await start_over(part);
        validator_ = detail::strong_validator(in.fields());
        co_await forget();
        co_await note(part);
    }

    task<> take(io::file& part, incoming& in, std::optional<std::uint64_t> end) {
        http::progress now;
        now.total = end;
        std::vector<std::byte> buffer(piece_size);
        for (;;) {
            const std::size_t count = co_await in.read(buffer);
            if (count == 0)
                co_return;
            co_await part.write_all_at(at_, std::span(buffer).first(count));
            at_ += count;
            if (at_ - noted_ >= most_unnoted)
                co_await note(part);
            now.done = at_;
            if (options_.on_progress)
                options_.on_progress(now);
        }
    }

    client& by_;
    std::string asked_, path_, validator_;
    download_options options_;
    std::uint64_t at_ = 0, noted_ = 0;
    std::optional<std::uint64_t> total_;  // as far as a server has said
    downloaded result_;
};

}  // namespace

task<downloaded> download(client& by, std::string url, std::string path, download_options options) {
    transfer t(by, std::move(url), std::move(path), std::move(options));
    co_return co_await t.run();
}

}  // namespace ringlet::http
