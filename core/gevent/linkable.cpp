#include <ringlet/core/gevent/linkable.hpp>

#include <ringlet/core/report.hpp>

namespace ringlet::gevent {

class linkable::told : public waiter {
public:
    told(const char* what, list<waiter>& line) noexcept : what_(what), line_(line) {}
    const char* what() const noexcept override { return what_; }
    bool await_ready() const {
        throw_if_canceled();
        return false;
    }
    void await_suspend(std::coroutine_handle<> h) noexcept {
        park(h);
        line_.push_back(*this);
    }
    void await_resume() const { throw_if_aborted(); }

private:
    const char* what_;
    list<waiter>& line_;
};

class linkable::function_link : public callback {
public:
    function_link(linkable& of, std::uint64_t number, std::function<void()> fn)
        : of_(of), number_(number), fn_(std::move(fn)) {}
    const char* what() const noexcept override { return "a link"; }
    std::uint64_t number() const noexcept { return number_; }

private:
    void take_turn() noexcept override {
        const auto alive = of_.weak_from_this().lock();
        const auto fn = std::move(fn_);
        of_.unlink(number_);  // which is the end of `this`
        try {
            fn();
        } catch (...) {
            report("a linked function failed: " + describe(std::current_exception()));
        }
    }

    linkable& of_;
    std::uint64_t number_;
    std::function<void()> fn_;
};

linkable::linkable(const char* what, bool notify_all) noexcept : what_(what), notify_all_(notify_all) {}

linkable::~linkable() = default;

std::size_t linkable::linkcount() const noexcept { return functions_.size() + waiting_; }

std::uint64_t linkable::rawlink(std::function<void()> fn) {
    hub();
    functions_.push_back(std::make_unique<function_link>(*this, ++functions_added_, std::move(fn)));
    watch(*functions_.back());
    return functions_added_;
}

bool linkable::unlink(std::uint64_t link) noexcept {
    return std::erase_if(functions_, [link](const auto& f) { return f->number() == link; }) != 0;
}

void linkable::wait_in(list<waiter>& line) {
    const auto alive = weak_from_this().lock();
    ++waiting_;
    struct leave {
        std::size_t& count;
        ~leave() { --count; }
    } const at_exit{waiting_};
    await(told(what_, line));
}

bool linkable::wait_to_be_told(interval timeout) {
    return within(timeout, [this] { wait_in(links_); });
}

void linkable::wait_behind_others() {
    if (notifier_.running())
        wait_in(behind_);
}

void linkable::notify_if_ready() {
    if (!ready() || links_.empty() || notifier_.running())
        return;
    notifier_ = notify();
    notifier_.start();
}

hub_task linkable::notify() {
    for (;;) {
        being_told_.splice_back(links_);
        while (!being_told_.empty() && (notify_all_ || ready()))
            co_await hub_task::hand_over(being_told_.front());
        being_told_.splice_back(links_);  // who was not told goes before who came meanwhile
        links_.splice_back(being_told_);
        while (!behind_.empty() && (notify_all_ || ready()))
            co_await hub_task::hand_over(behind_.front());
        links_.splice_back(behind_);
        if (!ready() || links_.empty())
            co_return;
        co_await hub_task::next_turn();
    }
}

}  // namespace ringlet::gevent
