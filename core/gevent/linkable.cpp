#include <ringlet/core/gevent/linkable.hpp>

#include <ringlet/core/report.hpp>
#include <ringlet/core/take_out.hpp>

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
    return add_link([fn = std::move(fn)] {
        if (!loop::current().ending())
            fn();
    });
}

std::uint64_t linkable::add_link(std::function<void()> fn) {
    hub();
    functions_.push_back(std::make_unique<function_link>(*this, ++functions_added_, std::move(fn)));
    watch(*functions_.back());
    return functions_added_;
}

bool linkable::unlink(std::uint64_t link) noexcept {
    return detail::take_out(functions_, [link](const auto& f) { return f.number() == link; }) != nullptr;
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
    if (notifying_)
        wait_in(behind_);
}

void linkable::notify_if_ready() noexcept {
    if (!ready() || links_.empty() || notifying_)
        return;
    notifying_ = shared_from_this();
    post();
}

/// Goes on where it was when it handed its turn to somebody. The object owns itself meanwhile: who became ready
/// tells those who are linked, even if nobody else knows it now.
void linkable::take_turn() noexcept {
    if (step_ == step::begin) {
        being_told_.splice_back(links_);
        step_ = step::tell;
    }
    if (step_ == step::tell) {
        if (hand_over_to_first(being_told_))
            return;
        being_told_.splice_back(links_);  // who was not told goes before who came meanwhile
        links_.splice_back(being_told_);
        step_ = step::call_up_behind;
    }
    if (hand_over_to_first(behind_))
        return;
    links_.splice_back(behind_);
    step_ = step::begin;
    if (ready() && !links_.empty())
        return post();  // with the others, in the next lap
    const auto last = std::move(notifying_);  // which may be the end of `this`
}

/// The first in `line` runs at once, before everybody else who is ready, and then take_turn() goes on. False
/// when nobody is there to be told any more.
bool linkable::hand_over_to_first(list<waiter>& line) noexcept {
    if (line.empty() || !(notify_all_ || ready()))
        return false;
    loop& l = loop::current();
    waiter& first = line.front();
    post();
    l.run_first(*this);
    wake(first);
    l.run_first(first);
    return true;
}

}  // namespace ringlet::gevent
