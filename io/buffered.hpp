#pragma once
// buffered<S>: reads a stream by lines, by delimiters, by exact counts, or shows a parser what is there.
// Over any stream, owned or by reference: `io::buffered in(connection)` borrows an lvalue and owns an
// rvalue. It is a stream itself; writing goes straight through. While it is empty and waits it holds a
// kilobyte, so that ten thousand idle connections hold ten megabytes.

#include <ringlet/core/greenlet_base.hpp>
#include <ringlet/io/stream.hpp>

#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

namespace ringlet::io {

/// The peer sent more than the reader allows before what was looked for came. The bytes are still there.
class limit_exceeded : public std::system_error {
public:
    limit_exceeded(const std::string& act, const std::string& what_is_missing, std::size_t limit)
        : std::system_error(std::make_error_code(std::errc::message_size),
                            act + ": no " + what_is_missing + " within " + std::to_string(limit) + " bytes") {}
};

/// One greenlet reads at a time, and until it has, the object stays where it is. A read that is cut
/// short by a kill or a timeout loses nothing.
template <class S>
class buffered {
public:
    static constexpr std::size_t idle_size = 1024;
    static constexpr std::size_t full_size = 16 * 1024;
    static constexpr std::size_t default_limit = 64 * 1024;

    explicit buffered(S&& stream) : stream_(std::forward<S>(stream)) {}

    std::remove_reference_t<S>& stream() noexcept { return stream_; }

    /// What was received and not read yet. Valid until the next read, fill or consume.
    std::span<const std::byte> peek() const noexcept { return {memory_.get() + start_, unread()}; }
    std::string_view peek_text() const noexcept {
        return {reinterpret_cast<const char*>(memory_.get()) + start_, unread()};
    }
    std::size_t unread() const noexcept { return end_ - start_; }

    /// Drops the first `count` bytes of peek().
    void consume(std::size_t count) noexcept {
        check(count <= unread(), "more was consumed than there is");
        start_ += count;
        if (start_ == end_) {
            start_ = end_ = 0;
            if (capacity_ > next_capacity_)
                release();
        }
    }

    /// Awaitable: adds at least one byte to peek(); false at the end of the stream. Throws limit_exceeded
    /// when there are `limit` bytes already.
    task<bool> fill(std::size_t limit = default_limit) {
        if (unread() >= limit)
            throw limit_exceeded(act(), "end", limit);
        const reading alone(*this);
        make_room();
        const std::span<std::byte> room(memory_.get() + end_, capacity_ - end_);
        const std::size_t count = co_await stream_.read(room);
        end_ += count;
        // A read that filled all there was is likely followed by more; after any other one has to wait.
        next_capacity_ = count == room.size() ? std::min(4 * capacity_, full_size) : idle_size;
        co_return count > 0;
    }

    /// Awaitable: at least one byte into `into`; 0 at the end. Large reads are not copied.
    task<std::size_t> read(std::span<std::byte> into) {
        if (into.empty())
            co_return co_await stream_.read(into);  // which knows whether it is closed
        if (unread() == 0) {
            if (into.size() >= full_size) {
                const reading alone(*this);
                co_return co_await stream_.read(into);
            }
            if (!co_await fill())
                co_return 0;
        }
        const std::size_t count = std::min(into.size(), unread());
        std::memcpy(into.data(), memory_.get() + start_, count);
        consume(count);
        co_return count;
    }

    /// Awaitable: fills all of `into`, or throws end_of_stream.
    task<> read_exact(std::span<std::byte> into) {
        while (!into.empty()) {
            const std::size_t count = co_await read(into);
            if (count == 0)
                throw end_of_stream(act());
            into = into.subspan(count);
        }
    }

    /// Awaitable: everything up to and with `delimiter`, which must live until then. Throws
    /// limit_exceeded when that is more than `limit` bytes, end_of_stream when it does not come; what was
    /// received stays.
    task<std::string> read_until(std::string_view delimiter, std::size_t limit = default_limit) {
        const std::size_t end = co_await find(delimiter, limit, 0, "delimiter");
        if (end == not_found)
            throw end_of_stream(act());
        std::string text(peek_text().substr(0, end));
        consume(end);
        co_return text;
    }

    /// Awaitable: a line without its "\n" or "\r\n", of at most `limit` bytes, or what is left before the
    /// end of the stream. Empty optional at the end.
    task<std::optional<std::string>> read_line(std::size_t limit = default_limit) {
        std::optional<std::string> line;
        std::size_t end = co_await find("\n", limit, 2, "end of line");
        if (end == not_found)
            end = unread();
        if (end == 0)
            co_return line;
        std::string_view text = peek_text().substr(0, end);
        if (text.ends_with('\n'))
            text.remove_suffix(text.ends_with("\r\n") ? 2 : 1);
        if (text.size() > limit)
            throw limit_exceeded(act(), "end of line", limit);
        line.emplace(text);
        consume(end);
        co_return line;
    }

    auto write_all(std::span<const std::byte> from) { return stream_.write_all(from); }
    auto shutdown() { return stream_.shutdown(); }
    /// What was received and not read is dropped, as everywhere.
    void close() noexcept {
        start_ = end_;  // somebody may be reading into what lies behind
        stream_.close();
    }
    std::string name() const { return stream_.name(); }

private:
    static constexpr std::size_t not_found = std::string_view::npos;

    // The stream refuses a second reader, but the buffer must not move under the first one either.
    class reading {
    public:
        explicit reading(buffered& b) : buffered_(b) {
            const greenlet_base& me = loop::current().running();
            if (b.reader_ != nullptr)
                throw std::logic_error(b.act() + ": " + me.name() + " wants to read while " + b.reader_->name() +
                                       " already does");
            b.reader_ = &me;
        }
        reading(const reading&) = delete;
        reading& operator=(const reading&) = delete;
        ~reading() { buffered_.reader_ = nullptr; }

    private:
        buffered& buffered_;
    };

    std::string act() const { return "read from " + name(); }

    /// The place after the first `delimiter`, or not_found at the end of the stream. Looks at `limit` bytes
    /// and `beyond`, which errors do not mention.
    task<std::size_t> find(std::string_view delimiter, std::size_t limit, std::size_t beyond, const char* what) {
        const std::size_t most = std::max(limit, limit + beyond);  // unless there is no limit
        for (std::size_t searched = 0;;) {
            const std::string_view text = peek_text();
            const std::size_t at = text.find(delimiter, searched);
            if (at != not_found && at + delimiter.size() <= most)
                co_return at + delimiter.size();
            if (at != not_found || text.size() >= most)
                throw limit_exceeded(act(), what, limit);
            searched = text.size() - std::min(text.size(), delimiter.size() - 1);
            if (!co_await fill(most))
                co_return not_found;
        }
    }

    void make_room() {
        if (unread() == 0) {
            if (capacity_ != next_capacity_)
                move_to(next_capacity_);
        } else if (end_ == capacity_) {
            if (start_ > capacity_ / 2)
                move_within();
            else
                move_to(2 * capacity_);
        }
    }

    void move_to(std::size_t capacity) {
        auto larger = std::make_unique_for_overwrite<std::byte[]>(capacity);
        if (unread() > 0)
            std::memcpy(larger.get(), memory_.get() + start_, unread());
        memory_ = std::move(larger);
        end_ -= start_;
        start_ = 0;
        capacity_ = capacity;
    }

    void move_within() noexcept {
        std::memmove(memory_.get(), memory_.get() + start_, unread());
        end_ -= start_;
        start_ = 0;
    }

    void release() noexcept {
        memory_.reset();
        capacity_ = 0;
    }

    S stream_;
    std::unique_ptr<std::byte[]> memory_;
    std::size_t capacity_ = 0;
    std::size_t start_ = 0;  // of what was received and not read
    std::size_t end_ = 0;
    std::size_t next_capacity_ = idle_size;
    const greenlet_base* reader_ = nullptr;
};

template <class S>
buffered(S&&) -> buffered<S>;

static_assert(stream<buffered<any_stream>> && stream<buffered<any_stream&>>);

}  // namespace ringlet::io
