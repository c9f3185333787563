#pragma once
// What happens in a story, without its type: what runs stories is compiled once, and not for each of a
// thousand lambdas.

#include <ringlet/core/task.hpp>

#include <memory>
#include <type_traits>

namespace story {

/// Refers to a coroutine, or to a plain function, which may block; of whatever type, and gives nothing.
template <class... A>
class scene {
public:
    template <class Fn>
        requires(std::is_same_v<std::invoke_result_t<Fn&, A...>, ringlet::task<>>)
    scene(Fn&& coroutine)
        : what_(const_cast<void*>(static_cast<const void*>(std::addressof(coroutine)))),
          begin_(&call<Fn, ringlet::task<>>) {}

    template <class Fn>
        requires(std::is_void_v<std::invoke_result_t<Fn&, A...>>)
    scene(Fn&& function)
        : what_(const_cast<void*>(static_cast<const void*>(std::addressof(function)))), call_(&call<Fn, void>) {}

    /// Calls run(fn), with what begins the coroutine or calls the function, also later.
    template <class Run>
    decltype(auto) play(Run run, A... a) const {
        static_assert((std::is_reference_v<A> && ...), "arguments are the caller's");
        if (begin_ != nullptr)
            return run([what = what_, begin = begin_, &a...] { return begin(what, a...); });
        return run([what = what_, call = call_, &a...] { call(what, a...); });
    }

private:
    template <class Fn, class R>
    static R call(void* what, A... a) {
        return (*static_cast<std::remove_reference_t<Fn>*>(what))(a...);
    }

    void* what_;
    ringlet::task<> (*begin_)(void*, A...) = nullptr;
    void (*call_)(void*, A...) = nullptr;
};

}  // namespace story
