#include <ringlet/core/hub.hpp>

#include <ringlet/core/greenlet_base.hpp>
#include <ringlet/core/stack.hpp>

#include <optional>

namespace ringlet {

loop& hub() {
    if (loop* l = loop::current_or_null())
        return *l;
    open_stack_pool();  // must outlive the loop, which unwinds fibers when the thread ends
    static thread_local std::optional<loop> own;
    return own.emplace(make_kernel());
}

}  // namespace ringlet
