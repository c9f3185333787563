#pragma once
// run_on_each_core(fn): a program on several loops, one thread and one loop per core. Loops share
// nothing; they talk by spawn_on (remote.hpp) and by shared events and queues (shared.hpp).
//
//     run_on_each_core([](const core& self) { serve(listen_shared(8080), self.index()); });

#include <ringlet/core/group.hpp>
#include <ringlet/core/remote.hpp>

#include <functional>
#include <memory>
#include <vector>

namespace ringlet {

class crew;

/// Where a function of run_on_each_core finds itself.
class core {
public:
    std::size_t index() const noexcept { return index_; }
    std::size_t count() const noexcept;

    /// The loop of a core, this one too. It ends when the function there returns.
    loop_ref loop_of(std::size_t index) const;

private:
    friend class crew;
    core(crew& all, std::size_t index) noexcept : crew_(all), index_(index) {}
    crew& crew_;
    std::size_t index_;
};

class cores_options {
public:
    cores_options() = default;
    /// How many threads; 0 for one on each core that the process may use.
    cores_options& count(std::size_t n) & {
        count_ = n;
        return *this;
    }
    cores_options&& count(std::size_t n) && { return std::move(count(n)); }
    /// Whether each thread stays on one core.
    cores_options& pin(bool yes) & {
        pin_ = yes;
        return *this;
    }
    cores_options&& pin(bool yes) && { return std::move(pin(yes)); }
    /// Makes the kernel of each loop, on its thread.
    cores_options& kernels(std::function<std::unique_ptr<kernel>()> make) & {
        make_ = std::move(make);
        return *this;
    }
    cores_options&& kernels(std::function<std::unique_ptr<kernel>()> make) && {
        return std::move(kernels(std::move(make)));
    }

    std::size_t count() const noexcept { return count_; }
    bool pin() const noexcept { return pin_; }
    const std::function<std::unique_ptr<kernel>()>& kernels() const noexcept { return make_; }

private:
    std::size_t count_ = 0;
    bool pin_ = true;
    std::function<std::unique_ptr<kernel>()> make_ = make_kernel;
};

namespace detail {

void run_crew(const cores_options& options, const std::function<greenlet<>(const core&)>& start);

}  // namespace detail

/// Runs fn(const core&), fn(index) or fn() as the first greenlet of a loop on each core, and returns when
/// all have. When one fails, the others are killed, and its error comes out; group_error if several did.
/// Blocks the thread, which must have no loop of its own.
template <class Fn>
void run_on_each_core(const cores_options& options, Fn fn) {
    detail::run_crew(options, [&fn](const core& self) -> greenlet<> {
        if constexpr (std::is_invocable_v<Fn&, const core&>)
            return spawn(std::ref(fn), std::cref(self));
        else if constexpr (std::is_invocable_v<Fn&, std::size_t>)
            return spawn(std::ref(fn), self.index());
        else
            return spawn([&fn] { return fn(); });
    });
}
template <class Fn>
void run_on_each_core(Fn fn) {
    run_on_each_core(cores_options(), std::move(fn));
}

}  // namespace ringlet
