#include <ringlet/io/memory_stream.hpp>

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <vector>

namespace ringlet::io {

/// One end. Its buffer holds what the peer has written and it has not read. The ends know each other
/// weakly; each lives as long as its handle and the awaiters on it.
struct memory_stream::half {
    std::weak_ptr<half> peer;
    std::string name;
    std::vector<std::byte> buffer;  // a ring
    std::size_t start = 0;
    std::size_t size = 0;
    read_awaiter* reader = nullptr;  // waits for the buffer to have something
    list<waiter> writers;  // of the peer: wait for it to have room
    int end = 1;  // 1: open; 0: the peer writes no more; negative: the error
    bool shut = false;  // writes no more
    bool closed = false;

    std::size_t take(std::span<std::byte> into) noexcept {
        std::size_t done = 0;
        while (done < into.size() && size > 0) {
            const std::size_t count = std::min({into.size() - done, size, buffer.size() - start});
            std::memcpy(into.data() + done, buffer.data() + start, count);
            start = (start + count) % buffer.size();
            size -= count;
            done += count;
        }
        return done;
    }

    void put(std::span<const std::byte>& from) noexcept {
        while (!from.empty() && size < buffer.size()) {
            const std::size_t at = (start + size) % buffer.size();
            const std::size_t count = std::min({from.size(), buffer.size() - size, buffer.size() - at});
            std::memcpy(buffer.data() + at, from.data(), count);
            from = from.subspan(count);
            size += count;
        }
    }

    /// Moves bytes from the writers to the reader as far as they go.
    void pump() noexcept {
        for (;;) {
            if (reader != nullptr && size > 0)
                wake_reader(static_cast<int>(take(reader->into_)));
            if (writers.empty() || size == buffer.size())
                return;
            auto& writer = static_cast<write_awaiter&>(writers.front());
            put(writer.from_);
            if (writer.from_.empty())
                wake(writer);
        }
    }

    void wake_reader(int outcome) noexcept {
        reader->outcome_ = outcome;
        wake(*std::exchange(reader, nullptr));
    }

    /// No more comes in.
    void finish(int how) noexcept {
        if (end <= 0)
            return;
        end = how;
        if (how < 0)
            size = 0;
        if (reader != nullptr)
            wake_reader(how);
    }

    void refuse_writers(int error) noexcept {
        while (!writers.empty()) {
            auto& writer = static_cast<write_awaiter&>(writers.front());
            writer.error_ = error;
            wake(writer);
        }
    }

    int error_of_write() const noexcept {
        if (closed)
            return ECANCELED;
        const auto other = peer.lock();
        if (shut || !other || other->closed)
            return end < 0 ? -end : EPIPE;
        return 0;
    }

    void end_with(int peer_reads) noexcept {
        if (closed)
            return;
        closed = true;
        if (reader != nullptr)
            wake_reader(-ECANCELED);
        if (const auto other = peer.lock()) {
            other->refuse_writers(ECANCELED);  // ours
            other->finish(size > 0 ? -ECONNRESET : peer_reads);
        }
        refuse_writers(EPIPE);
        buffer = std::vector<std::byte>();
        start = size = 0;
    }

    std::system_error failure(const char* act, int error) const {
        const std::string text = std::string(act) + " " + name;
        return {error, std::system_category(), error == ECANCELED ? text + ": it was closed here" : text};
    }
};

// --- reading -----------------------------------------------------------------------------------------

bool memory_stream::read_awaiter::await_ready() {
    throw_if_canceled();
    half& h = *half_;
    if (h.closed) {
        outcome_ = -ECANCELED;
        return true;
    }
    outcome_ = static_cast<int>(h.take(into_));
    if (outcome_ > 0) {
        h.pump();
        return true;
    }
    if (!into_.empty())
        outcome_ = std::min(h.end, 0);
    return into_.empty() || h.end <= 0;
}

void memory_stream::read_awaiter::await_suspend(std::coroutine_handle<> h) {
    if (half_->reader != nullptr)
        throw std::logic_error("read from " + half_->name + ": " + loop::current().running().name() +
                               " wants to read while " + half_->reader->owner()->name() + " already does");
    park(h);
    half_->reader = this;
}

void memory_stream::read_awaiter::abort() noexcept { half_->wake_reader(-ECANCELED); }

std::size_t memory_stream::read_awaiter::await_resume() const {
    if (outcome_ == -ECANCELED)
        throw_if_aborted();
    if (outcome_ < 0)
        throw half_->failure("read from", -outcome_);
    return static_cast<std::size_t>(outcome_);
}

result<std::size_t> memory_stream::read_awaiter::await_result() const {
    if (outcome_ == -ECANCELED)
        throw_if_aborted();
    if (outcome_ < 0)
        return std::error_code(-outcome_, std::system_category());
    return static_cast<std::size_t>(outcome_);
}

// --- writing -----------------------------------------------------------------------------------------

bool memory_stream::write_awaiter::await_ready() {
    throw_if_canceled();
    if (half_->closed)
        error_ = ECANCELED;
    if (error_ != 0 || from_.empty())
        return true;
    error_ = half_->error_of_write();
    if (error_ != 0)
        return true;
    const auto to = half_->peer.lock();
    if (!to->writers.empty())
        return false;
    to->put(from_);
    to->pump();
    while (!from_.empty() && to->size < to->buffer.size()) {
        to->put(from_);
        to->pump();
    }
    return from_.empty();
}

void memory_stream::write_awaiter::await_suspend(std::coroutine_handle<> h) noexcept {
    park(h);
    half_->peer.lock()->writers.push_back(*this);
}

void memory_stream::write_awaiter::await_resume() const {
    if (error_ == 0 && from_.empty())
        return;
    throw_if_aborted();
    throw half_->failure("write to", error_);
}

result<void> memory_stream::write_awaiter::await_result() const {
    if (error_ == 0 && from_.empty())
        return {};
    throw_if_aborted();
    return std::error_code(error_, std::system_category());
}

void memory_stream::shutdown_awaiter::await_resume() const {
    if (half_->closed)
        throw half_->failure("shut down", ECANCELED);
    half_->shut = true;
    const auto other = half_->peer.lock();
    if (!other)
        return;
    other->refuse_writers(EPIPE);
    other->finish(0);
}

// --- the handle --------------------------------------------------------------------------------------

memory_stream::read_awaiter memory_stream::read(std::span<std::byte> into) { return {half_, into}; }
memory_stream::write_awaiter memory_stream::write_all(std::span<const std::byte> from) { return {half_, from}; }
memory_stream::shutdown_awaiter memory_stream::shutdown() noexcept { return shutdown_awaiter(half_); }
void memory_stream::close() noexcept { half_->end_with(0); }

void memory_stream::reset() noexcept { half_->end_with(-ECONNRESET); }
const std::string& memory_stream::name() const noexcept { return half_->name; }

std::pair<memory_stream, memory_stream> duplex(std::size_t capacity, std::string name) {
    check(capacity > 0, "a memory stream needs room for a byte");
    auto left = std::make_shared<memory_stream::half>();
    auto right = std::make_shared<memory_stream::half>();
    left->name = name + ":left";
    right->name = name + ":right";
    left->buffer.resize(capacity);
    right->buffer.resize(capacity);
    left->peer = right;
    right->peer = left;
    return {memory_stream(std::move(left)), memory_stream(std::move(right))};
}

}  // namespace ringlet::io
