#pragma once
// Taking one object out of a list of them. std::erase_if destroys what it erases while the list is being moved
// about; an object whose destructor is somebody else's code must go when that is over, since that code may look
// at the list or change it.

#include <algorithm>
#include <memory>
#include <vector>

namespace ringlet::detail {

/// The first for which `is` says yes, and null if there is none. It is the caller's to destroy.
template <class T, class Is>
std::unique_ptr<T> take_out(std::vector<std::unique_ptr<T>>& from, Is is) {
    const auto at = std::find_if(from.begin(), from.end(), [&is](const auto& each) { return is(*each); });
    if (at == from.end())
        return nullptr;
    std::unique_ptr<T> taken = std::move(*at);
    from.erase(at);
    return taken;
}

}  // namespace ringlet::detail
