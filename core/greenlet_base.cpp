#include <ringlet/core/greenlet_base.hpp>

#include <ringlet/core/callback.hpp>
#include <ringlet/core/fiber_host.hpp>
#include <ringlet/core/greenlet_local.hpp>
#include <ringlet/core/hub.hpp>
#include <ringlet/core/report.hpp>
#include <ringlet/core/scope.hpp>
#include <ringlet/core/spawn.hpp>
#include <ringlet/core/take_out.hpp>

#include <algorithm>
#include <optional>

namespace ringlet {

namespace {

/// A link: its place among the joiners keeps the order in which they were added.
class death_notice : public callback {
public:
    death_notice(greenlet_base& of, std::uint64_t number, std::function<void(greenlet_base&)> fn)
        : of_(of), number_(number), fn_(std::move(fn)) {}
    const char* what() const noexcept override { return "a link"; }

    std::uint64_t number() const noexcept { return number_; }

    /// The end of `this`, and of the greenlet if nobody else has it.
    void tell() noexcept {
        greenlet_base& of = of_;
        const auto fn = std::move(fn_);
        of.retain();
        of.remove_link(number_);  // which is the end of `this`
        try {
            fn(of);
        } catch (...) {
            report("a link of " + of.name() + " failed: " + describe(std::current_exception()));
        }
        of.release();
    }

private:
    void take_turn() noexcept override { tell(); }

    greenlet_base& of_;
    std::uint64_t number_;
    std::function<void(greenlet_base&)> fn_;
};

}  // namespace

struct greenlet_base::start_timer : timer {
    explicit start_timer(greenlet_base& g) noexcept
        : timer([](timer& t) noexcept { static_cast<start_timer&>(t).target.start(); }), target(g) {}
    ~start_timer() { loop::current().timers().disarm(*this); }
    greenlet_base& target;
};

struct greenlet_base::extras {
    struct interruption {
        std::exception_ptr error;
        const void* from;
    };

    /// Tells in one turn all links that were added after death, and those that are added while it does; behind
    /// the others, whose places are in the ready list.
    struct late_links : callback {
        explicit late_links(greenlet_base& g) noexcept : of(g) {}
        const char* what() const noexcept override { return "late links"; }
        void take_turn() noexcept override {
            if (of.links() == 0)
                return;
            post();  // first: the greenlet that a link starts goes before the next link
            loop::current().run_first(*this);
            of.extras_->links.front()->tell();
        }
        greenlet_base& of;
    };

    explicit extras(greenlet_base& g) noexcept : late(g) {}

    std::string name;
    std::vector<std::unique_ptr<death_notice>> links;
    late_links late;
    std::uint64_t links_added = 0;
    std::vector<interruption> interruptions;
    std::optional<start_timer> start;
    std::vector<std::unique_ptr<local_value>> locals;
};

greenlet_base::greenlet_base(bool on_fiber) noexcept
    : waiter(source::greenlets, kind::greenlet), on_fiber_(on_fiber) {}

greenlet_base::~greenlet_base() {
    if (outcome_ == outcome::error && !error_seen_)
        report_unhandled(*this, error_);
    if (extras_)
        free_locals();
    if (outcome_ == outcome::error)
        std::destroy_at(&error_);
}

std::exception_ptr greenlet_base::error() noexcept {
    error_seen_ = true;
    return outcome_ == outcome::error ? error_ : nullptr;
}

std::string greenlet_base::name() const {
    return extras_ && !extras_->name.empty() ? extras_->name : "greenlet " + std::to_string(id());
}

const char* greenlet_base::given_name() const noexcept {
    return extras_ && !extras_->name.empty() ? extras_->name.c_str() : nullptr;
}

void greenlet_base::set_name(std::string name) { more().name = std::move(name); }

greenlet_base::extras& greenlet_base::more() {
    if (!extras_)
        extras_ = std::make_unique<extras>(*this);
    return *extras_;
}

void greenlet_base::be_born(const spawn_options* options, std::source_location where) {
    unborn_ = true;  // until nothing can fail any more
    if (loop::current_or_null() == nullptr)
        hub();
    loop& l = loop::current();
    constexpr std::uint64_t bits_48 = (std::uint64_t(1) << 48) - 1;
    origin_.id = l.next_id() & bits_48;
    origin_.spawner = l.running().id() & bits_48;
    origin_.born = std::chrono::floor<tenths>((l.recent_time() + 50ms).time_since_epoch()).count();
    personality_ = l.running().personality();
    owner_ = this;
    spawned_at_ = where;
    inherit_locals(l.running());
    if (options != nullptr && !options->name().empty())
        set_name(options->name());
    if (options == nullptr || options->delay() == duration::zero()) {
        unborn_ = false;
        retain();
        enter_ready_list();
        return;
    }
    waiting_ = this;
    phase_ = phase::waiting;
    l.greenlets_.push_back(*this);
    if (options->delay() != duration::max())
        start_after(options->delay());
}

bool greenlet_base::started() const noexcept { return !unborn_ || (extras_ && extras_->start); }

void greenlet_base::start() noexcept {
    if (!unborn_)
        return;
    unborn_ = false;
    if (extras_ && extras_->start)
        extras_->start.reset();
    else
        retain();
    unlink();
    waiting_ = nullptr;
    enter_ready_list();
}

void greenlet_base::enter_ready_list() noexcept {
    loop& l = loop::current();
    phase_ = phase::ready;
    l.ready_.push_back(*this);
    if (l.ending() && (l.running().canceled_now() || &l.running() == &l.hub()))
        kill();  // else who is told to end could go on for ever by handing over to somebody new, or by a link
}

void greenlet_base::start_after(duration d) {
    if (!unborn_ || more().start)
        return;
    loop& l = loop::current();
    start_timer& start = more().start.emplace(*this);
    try {
        l.timers().arm(start, after(l.fresh_now(), d));
    } catch (...) {
        extras_->start.reset();
        throw;
    }
    retain();
}

void greenlet_base::kill() noexcept {
    if (dead() || killed_)
        return;
    killed_ = true;
    refresh_cancel();
    if (cancel_pending_)
        abort_wait();
}

void greenlet_base::interrupt(std::exception_ptr error, const void* from) {
    if (dead())
        return;
    more().interruptions.push_back({std::move(error), from});
    refresh_cancel();
    if (cancel_pending_)
        abort_wait();
}

waiter* greenlet_base::interrupt_now(std::exception_ptr error) {
    if (dead())
        return nullptr;
    waiter* const wait = waiting_;
    const bool was_woken = wait != nullptr && !wait->waiting();
    interrupt(std::move(error));
    if (wait == nullptr || wait->waiting() || (was_woken && (!cancel_pending_ || !wait->wakes_empty_handed())))
        return nullptr;
    wait->aborted_ = true;
    return wait;
}

bool greenlet_base::withdraw(const void* from) noexcept {
    if (!interrupted() || this != &loop::current().running())
        return false;
    auto& all = extras_->interruptions;
    bool found = false;
    for (auto each = all.begin(); (each = std::ranges::find(all, from, &extras::interruption::from)) != all.end();) {
        const std::exception_ptr gone = std::move(each->error);  // which may withdraw others in turn
        all.erase(each);
        found = true;
    }
    refresh_cancel();
    return found;
}

bool greenlet_base::interrupted() const noexcept { return extras_ && !extras_->interruptions.empty(); }

void greenlet_base::throw_cancellation() {
    if (!interrupted() || told_to_stop())
        throw canceled();
    const std::exception_ptr error = std::move(extras_->interruptions.front().error);
    extras_->interruptions.erase(extras_->interruptions.begin());
    refresh_cancel();
    std::rethrow_exception(error);
}

void greenlet_base::abort_wait() noexcept {
    if (!waits() || waiting_->aborted_)
        return;
    waiting_->aborted_ = true;
    waiting_->abort();
}

void greenlet_base::refresh_cancel() noexcept {
    cancel_pending_ = killed_ || interrupted();
    for (const scope* s = innermost_; s != nullptr; s = s->outer_) {
        if (s->cancelled_ || s->shielded_) {
            cancel_pending_ = s->cancelled_;
            return;
        }
    }
}

/// Killed, or in a cancelled scope, with no shield between: what lasts goes before what is said once.
bool greenlet_base::told_to_stop() const noexcept {
    for (const scope* s = innermost_; s != nullptr; s = s->outer_)
        if (s->cancelled_ || s->shielded_)
            return s->cancelled_;
    return killed_;
}

std::uint64_t greenlet_base::add_link(std::function<void(greenlet_base&)> fn) {
    extras& x = more();
    x.links.push_back(std::make_unique<death_notice>(*this, ++x.links_added, std::move(fn)));
    if (links_hold_) {
        retain();
        if (!x.late.linked())
            x.late.post();
    } else {
        x.links.back()->watch_in(joiners_);
    }
    return x.links_added;
}

bool greenlet_base::remove_link(std::uint64_t number) noexcept {
    if (!extras_)
        return false;
    if (!detail::take_out(extras_->links, [number](const death_notice& l) { return l.number() == number; }))
        return false;
    if (links_hold_)
        release();
    return true;
}

void greenlet_base::remove_links() noexcept {
    if (!extras_)
        return;
    retain();
    while (!extras_->links.empty())
        remove_link(extras_->links.back()->number());
    release();
}

std::size_t greenlet_base::links() const noexcept { return extras_ ? extras_->links.size() : 0; }

void greenlet_base::set_error(std::exception_ptr e) noexcept {
    try {
        std::rethrow_exception(e);
    } catch (const canceled&) {
        outcome_ = outcome::killed;
    } catch (...) {
        outcome_ = outcome::error;
        std::construct_at(&error_, std::move(e));
    }
}

void greenlet_base::watch(callback& c) noexcept { c.watch_in(joiners_); }

bool greenlet_base::end_before_start(std::exception_ptr error) noexcept {
    if (phase_ == phase::idle || dead())
        return false;
    stand_down();
    waiting_ = nullptr;
    if (extras_ && extras_->start)
        extras_->start.reset();
    else if (unborn_)
        retain();
    unborn_ = false;
    set_error(std::move(error));
    die();
    return true;
}

local_value* greenlet_base::find_local(const void* variable) const noexcept {
    if (extras_)
        for (const auto& value : extras_->locals)
            if (value->variable() == variable)
                return value.get();
    return nullptr;
}

void greenlet_base::add_local(std::unique_ptr<local_value> value) { more().locals.push_back(std::move(value)); }

void greenlet_base::remove_local(const void* variable) noexcept {
    if (extras_)
        detail::take_out(extras_->locals, [=](const local_value& value) { return value.variable() == variable; });
}

void greenlet_base::inherit_locals(const greenlet_base& spawner) {
    if (!spawner.extras_)
        return;
    for (const auto& value : spawner.extras_->locals)
        if (auto copy = value->for_child(*this))
            add_local(std::move(copy));
}

std::coroutine_handle<> greenlet_base::begin_on_fiber(std::size_t stack_size) {
    return ringlet::on_fiber([this] { act(call_step::on_fiber); }, stack_size)
        .release(loop::current().end_of_greenlet());
}

void greenlet_base::take_turn() noexcept {
    loop& l = loop::current();
    greenlet_base* const before = std::exchange(l.running_, this);
    try {
        throw_if_canceled();
        suspended_at_ = act(call_step::begin);
    } catch (...) {
        set_error(std::current_exception());
    }
    const bool begins = !dead();
    if (!begins)
        die();
    l.running_ = before;
    if (begins) {
        l.greenlets_.push_back(*this);
        l.run(suspended_at_, *this);
    }
}

void greenlet_base::end(std::coroutine_handle<> body) noexcept {
    try {
        take_result(body);
        outcome_ = outcome::value;
    } catch (...) {
        set_error(std::current_exception());
    }
    body.destroy();
    die();
}

std::vector<std::unique_ptr<local_value>> greenlet_base::carry_locals() const {
    std::vector<std::unique_ptr<local_value>> copies;
    if (extras_)
        for (const auto& value : extras_->locals)
            if (auto copy = value->for_call())
                copies.push_back(std::move(copy));
    return copies;
}

/// One by one, since the destructors may look at the others, free them, or end their variables. What they
/// make anew stays for as long as the greenlet.
void greenlet_base::free_locals() noexcept {
    for (std::size_t left = extras_->locals.size(); left > 0 && !extras_->locals.empty(); --left) {
        const std::unique_ptr<local_value> gone = std::move(extras_->locals.front());
        extras_->locals.erase(extras_->locals.begin());
    }
}

/// The end: joiners wake, links get their greenlet, the reference of being alive goes.
void greenlet_base::die() noexcept {
    act(call_step::drop);
    if (extras_) {
        free_locals();
        const auto gone = std::move(extras_->interruptions);  // which may hold the greenlet, and withdraw others
    }
    unlink();
    links_hold_ = true;  // not before, because what went may have added links and removed some
    references_ += static_cast<std::uint32_t>(links());
    while (!joiners_.empty())
        wake(joiners_.front());
    if (links() > 0)
        extras_->late.post();
    release();
}

void greenlet_base::destroy() noexcept {
    check(dead() || unborn_, "a greenlet was destroyed before it was over");
    if (unborn_) {
        stand_down();
        act(call_step::drop);
    }
    delete this;
}

}  // namespace ringlet
