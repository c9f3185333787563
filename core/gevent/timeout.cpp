#include <ringlet/core/gevent/timeout.hpp>

#include <ringlet/core/callback.hpp>
#include <ringlet/core/hub.hpp>

#include <cstdio>
#include <cstdlib>
#include <set>
#include <stdexcept>

namespace ringlet::gevent {
namespace {

/// As Python prints a number: no more digits than it takes to read the same one.
std::string fewest_digits(double x) {
    char text[40];
    int digits = 12;
    do
        std::snprintf(text, sizeof text, "%.*g", digits, x);
    while (std::strtod(text, nullptr) != x && ++digits <= 17);
    return text;
}

}  // namespace

struct Timeout::state : timer, callback, std::enable_shared_from_this<state> {
    explicit state(interval length) noexcept : timer(&fire), seconds(length) {}
    ~state() override { stop(); }
    const char* what() const noexcept override { return "a Timeout"; }

    void stop() noexcept {
        needs_handle = false;
        callback::cancel();
        if (loop* l = loop::current_or_null()) {
            l->timers().disarm(*this);
            l->running().withdraw(this);  // nobody else can take it back, whoever started it
        }
        let_go();
    }

    void let_go() noexcept {
        if (owner != nullptr)
            std::exchange(owner, nullptr)->release();
    }

    /// Those that were started as temporaries and have not fired: they go with the loop.
    using temporaries = std::set<std::shared_ptr<state>>;

    void forget_temporary() noexcept {
        loop* l = loop::current_or_null();
        if (std::exchange(temporary, false) && l != nullptr)
            l->service<temporaries>().erase(shared_from_this());
    }

    /// In gevent timeouts have a lower priority: who else is due at the same moment wakes before.
    static void fire(timer& t) noexcept { static_cast<state&>(t).post(); }

    void take_turn() noexcept override {
        const auto alive = shared_from_this();
        needs_handle = !temporary;
        forget_temporary();
        owner->interrupt(exception ? exception : std::make_exception_ptr(Timeout(of{alive})), this);
        let_go();  // who dies of it keeps the exception, which keeps this
    }

    interval seconds;
    std::exception_ptr exception;
    std::string text;
    bool silent = false;
    bool closed = false;
    greenlet_base* owner = nullptr;  // retained until it fires
    bool temporary = false;
    bool needs_handle = false;  // has fired, and is no temporary
};

Timeout::Timeout(interval seconds) : state_(std::make_shared<state>(seconds)) {}

Timeout::Timeout(interval seconds, std::exception_ptr exception) : Timeout(seconds) {
    state_->exception = std::move(exception);
}

Timeout::Timeout(interval seconds, std::string text) : Timeout(seconds) { state_->text = std::move(text); }

void Timeout::set_silent(bool silent) noexcept { state_->silent = silent; }

/// A handle goes. When the only other one is the exception that its greenlet has yet to throw, that is not
/// thrown any more.
void Timeout::let_go() noexcept {
    if (state_.use_count() == 2 && state_->needs_handle)
        state_->stop();
}

void Timeout::start() & {
    if (pending())
        throw std::logic_error("this Timeout is already started; to restart it, cancel it first");
    if (state_->seconds.infinite())
        return;
    if (state_->closed)
        throw std::logic_error("this Timeout is closed and cannot be started again");
    loop& l = hub();
    state_->stop();
    state_->owner = &l.running();
    state_->owner->retain();
    l.timers().arm(*state_, after(l.fresh_now(), state_->seconds.length()));
}

void Timeout::start() && {
    start();
    if (pending())
        state_->temporary = loop::current().service<state::temporaries>().insert(state_).second;
}

/// Its turn may have yet to come when its time has.
bool Timeout::pending() const noexcept { return state_->armed() || state_->linked(); }

void Timeout::cancel() noexcept {
    const auto alive = state_;
    state_->forget_temporary();
    state_->stop();
}

void Timeout::close() noexcept {
    state_->closed = true;
    cancel();
}

interval Timeout::seconds() const noexcept { return state_->seconds; }
bool Timeout::silent() const noexcept { return state_->silent; }

std::string Timeout::str() const {
    if (state_->seconds.infinite())
        return "";
    const double seconds = state_->seconds.seconds();
    std::string said = fewest_digits(seconds) + (seconds == 1 ? " second" : " seconds");
    if (state_->silent)
        said += " (silent)";
    else if (!state_->text.empty())
        said += ": " + state_->text;
    return said;
}

}  // namespace ringlet::gevent
