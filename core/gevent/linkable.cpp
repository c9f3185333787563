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

void linkable::notify_if_ready() {
    if (!ready() || links_.empty() || notifying_)
        return;
    hub_task telling = notify(shared_from_this());  // first, because there may be no memory for it
    notifying_ = true;
    std::move(telling).detach();
}

/// Owns the object meanwhile: who became ready tells those who are linked, even if nobody else knows it now.
hub_task linkable::notify(std::shared_ptr<linkable> self) {
    linkable& l = *self;
    for (;;) {
        l.being_told_.splice_back(l.links_);
        while (!l.being_told_.empty() && (l.notify_all_ || l.ready()))
            co_await hub_task::hand_over(l.being_told_.front());
        l.being_told_.splice_back(l.links_);  // who was not told goes before who came meanwhile
        l.links_.splice_back(l.being_told_);
        while (!l.behind_.empty() && (l.notify_all_ || l.ready()))
            co_await hub_task::hand_over(l.behind_.front());
        l.links_.splice_back(l.behind_);
        if (!l.ready() || l.links_.empty())
            break;
        co_await hub_task::next_turn();
    }
    l.notifying_ = false;
}

}  // namespace ringlet::gevent
