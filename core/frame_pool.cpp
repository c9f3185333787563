#include <ringlet/core/frame_pool.hpp>

#include <new>

namespace ringlet {
namespace {

constexpr std::size_t kept_bytes = 4u << 20;  // per class; what comes beyond goes back to malloc

static_assert(frame_list::class_of(2040) == 127 && frame_list::class_of(2041) == 128 &&
              frame_list::class_of(4097) == 129 && frame_list::class_of(65536) == 132);

struct pool_cleaner {
    ~pool_cleaner() {
        for (frame_list& each : frame_pool)
            each.close();
    }
};

}  // namespace

constinit thread_local frame_list frame_pool[frame_list::classes]{};

bool frame_list::open(std::size_t index) noexcept {
    if (in_use_)
        return false;
    static thread_local pool_cleaner at_thread_exit;
    (void)at_thread_exit;
    in_use_ = true;
    room_ = static_cast<std::uint32_t>(kept_bytes / block_size(index));
    return true;
}

void frame_list::close() noexcept {
    while (!empty())
        ::operator delete(take());
    room_ = 0;
    in_use_ = true;  // and not to be opened again
}

void* detail::allocate_anew(std::size_t size) {
    const std::size_t index = frame_list::class_of(size);
    return ::operator new(built_with_sanitizer || index >= frame_list::classes ? size
                                                                               : frame_list::block_size(index));
}

void detail::free_without_room(void* memory, std::size_t size) noexcept {
    const std::size_t index = frame_list::class_of(size);
    if (!built_with_sanitizer && index < frame_list::classes && frame_pool[index].open(index))
        frame_pool[index].put(memory);
    else
        ::operator delete(memory);
}

}  // namespace ringlet
