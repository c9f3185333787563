#include <ringlet/core/stack_trace.hpp>

#include <ringlet/core/context.hpp>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <cxxabi.h>
#include <dlfcn.h>
#include <unwind.h>

namespace ringlet {
namespace {

struct walk {
    std::span<void*> into;
    std::size_t count;
    std::size_t to_skip;
};

_Unwind_Reason_Code step(_Unwind_Context* frame, void* argument) {
    auto& w = *static_cast<walk*>(argument);
    void* const address = reinterpret_cast<void*>(_Unwind_GetIP(frame));
    // Beyond the first function of a fiber there is nothing that an unwinder could read.
    if (address == nullptr || w.count == w.into.size() ||
        reinterpret_cast<const void*>(_Unwind_GetRegionStart(frame)) == context::outermost())
        return _URC_NORMAL_STOP;
    if (w.to_skip > 0)
        --w.to_skip;
    else
        w.into[w.count++] = address;
    return _URC_NO_REASON;
}

std::string name_of(void* return_address) {
    // The call is before the address to which it returns, which may belong to the next function.
    const auto* const call = static_cast<const char*>(return_address) - 1;
    Dl_info found{};
    if (dladdr(call, &found) == 0 || found.dli_fname == nullptr) {
        std::array<char, 24> text{};
        std::snprintf(text.data(), text.size(), "%p", return_address);
        return text.data();
    }
    const char* const slash = std::strrchr(found.dli_fname, '/');
    std::array<char, 32> offset{};
    std::snprintf(offset.data(), offset.size(), "+0x%zx",
                  static_cast<std::size_t>(call - static_cast<const char*>(found.dli_fbase)));
    const std::string place = std::string(slash != nullptr ? slash + 1 : found.dli_fname) + offset.data();
    if (found.dli_sname == nullptr)
        return place;
    int status = 0;
    char* readable = abi::__cxa_demangle(found.dli_sname, nullptr, nullptr, &status);
    std::string name = status == 0 ? readable : found.dli_sname;
    std::free(readable);
    return name + " (" + place + ")";
}

}  // namespace

std::size_t take_stack_trace(std::span<void*> into) noexcept {
    walk w{into, 0, 1};
    _Unwind_Backtrace(&step, &w);
    return w.count;
}

void prepare_stack_traces() {
    std::array<void*, 4> some{};
    (void)take_stack_trace(some);
}

const std::string& address_names::of(void* return_address) {
    const auto found = known_.find(return_address);
    return found != known_.end() ? found->second
                                 : known_.emplace(return_address, name_of(return_address)).first->second;
}

}  // namespace ringlet
