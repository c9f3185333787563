#pragma once
// Where a stack stands: return addresses, and what they are called. Names come from the dynamic symbol
// table, so a program that is not linked with -rdynamic shows `program+0x1234` for its own functions;
// `addr2line -Cfie program 0x1234` says what that is.

#include <cstddef>
#include <span>
#include <string>
#include <unordered_map>

namespace ringlet {

/// The return addresses of the stack that runs now, innermost first, up to where its fiber began.
/// Allowed in a signal handler, once prepare_stack_traces() was called. Returns how many.
[[gnu::noinline]] std::size_t take_stack_trace(std::span<void*> into) noexcept;

/// The unwinder loads what it needs at its first use.
void prepare_stack_traces();

/// Names for addresses, each looked up once.
class address_names {
public:
    const std::string& of(void* return_address);

private:
    std::unordered_map<void*, std::string> known_;
};

}  // namespace ringlet
