#include "sim_pipe_private.hpp"

#include "sim_kernel_private.hpp"
#include "sim_memory_private.hpp"

#include <limits.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>

namespace ringlet::sim {
namespace {

constexpr std::size_t capacity = 64 * 1024;  // pipe(7)

}  // namespace

std::pair<std::shared_ptr<pipe_end>, std::shared_ptr<pipe_end>> pipe_end::make(simulator& s) {
    auto reader = std::make_shared<pipe_end>(s, false);
    auto writer = std::make_shared<pipe_end>(s, true);
    reader->pipe_ = writer->pipe_ = std::make_shared<contents>();
    reader->other_ = writer;
    writer->other_ = reader;
    return {std::move(reader), std::move(writer)};
}

std::optional<answer> pipe_end::attempt(pending& p) {
    const unsigned opcode = p.sqe->opcode;
    if (opcode == IORING_OP_READ || opcode == IORING_OP_READV)
        return writes_ ? -EBADF : attempt_read(p);
    if (opcode == IORING_OP_WRITE || opcode == IORING_OP_WRITEV)
        return writes_ ? attempt_write(p) : -EBADF;
    return opcode == IORING_OP_FSYNC ? -EINVAL : -ENOTSOCK;
}

std::optional<answer> pipe_end::attempt_read(pending& p) {
    const memory_parts into(*p.sqe);
    std::deque<std::byte>& bytes = pipe_->bytes;
    std::size_t count = std::min(bytes.size(), into.size());
    if (count == 0) {
        if (into.size() == 0 || !pipe_->has_writer)
            return 0;
        return std::nullopt;
    }
    if (count > 1 && sim_.dice().chance(sim_.faults().short_counts()))
        count = 1 + sim_.dice().below(count);
    const std::vector<std::byte> piece(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(count));
    into.write(0, piece);
    bytes.erase(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(count));
    if (const auto writer = other_.lock())
        sim_.plan(sim_.now(), [writer] { writer->retry(); });
    return static_cast<int>(count);
}

/// Up to PIPE_BUF bytes go whole or not at all (pipe(7)).
std::optional<answer> pipe_end::attempt_write(pending& p) {
    if (!pipe_->has_reader)
        return -EPIPE;
    const memory_parts from(*p.sqe);
    const std::size_t wanted = from.size();
    const std::size_t room = capacity - std::min(capacity, pipe_->bytes.size());
    if (wanted == 0)
        return 0;
    if (room == 0 || (wanted <= PIPE_BUF && room < wanted))
        return std::nullopt;
    std::size_t count = std::min(room, wanted);
    if (wanted > PIPE_BUF && sim_.dice().chance(sim_.faults().short_counts()))
        count = 1 + sim_.dice().below(count);
    std::vector<std::byte> piece(count);
    from.read(0, piece);
    pipe_->bytes.insert(pipe_->bytes.end(), piece.begin(), piece.end());
    if (const auto reader = other_.lock())
        sim_.plan(sim_.now(), [reader] { reader->retry(); });
    return static_cast<int>(count);
}

unsigned pipe_end::ready() const noexcept {
    if (writes_)
        return (capacity - pipe_->bytes.size() >= PIPE_BUF ? unsigned(POLLOUT) : 0U) |
               (pipe_->has_reader ? 0U : unsigned(POLLERR));
    return (pipe_->bytes.empty() ? 0U : unsigned(POLLIN)) | (pipe_->has_writer ? 0U : unsigned(POLLHUP));
}

void pipe_end::released() {
    (writes_ ? pipe_->has_writer : pipe_->has_reader) = false;
    if (const auto other = other_.lock())
        sim_.plan(sim_.now(), [other] { other->retry(); });
}

}  // namespace ringlet::sim
