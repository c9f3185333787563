#include <ringlet/core/compat/threading.hpp>

namespace ringlet::threading {
namespace {

/// Never 0, which stands for "not started": the main program's id is.
std::uint64_t number_of(const greenlet_base& g) noexcept { return g.id() + 1; }

}  // namespace

struct Thread::registry {
    std::uint64_t made = 0;
    std::shared_ptr<state> main = std::make_shared<state>();
    std::vector<std::shared_ptr<state>> alive;

    registry() {
        main->ident = get_ident();
        main->name = "MainThread";
    }
};

Thread::registry& Thread::known() { return hub().service<registry>(); }

std::shared_ptr<Thread::state> Thread::make(options o, std::function<void()> target) {
    const std::uint64_t number = ++known().made;
    auto made = std::make_shared<state>();
    made->name = o.name_.empty() ? "Thread-" + std::to_string(number) : std::move(o.name_);
    made->daemon = o.daemon_;
    made->target = std::move(target);
    return made;
}

void Thread::run_target(const std::shared_ptr<state>& s) {
    struct forget {
        const std::shared_ptr<state>& self;
        ~forget() { std::erase(known().alive, self); }
    } const at_exit{s};
    const auto target = std::move(s->target);
    target();
}

void Thread::start() const {
    if (state_->ident != 0)
        throw std::runtime_error("threads can only be started once");
    known().alive.push_back(state_);
    const Event begun;
    state_->runner = spawn(spawn_options().name(state_->name), [s = state_, begun] {
        begun.set();
        run_target(s);
    });
    state_->ident = number_of(state_->runner.state());
    begun.wait();
}

void Thread::join(interval timeout) const {
    if (state_->ident == 0)
        throw std::runtime_error("cannot join thread before it is started");
    if (!state_->runner || state_->ident == get_ident())
        throw std::runtime_error("cannot join current thread");
    gevent::within(timeout, [&] { await(state_->runner.join()); });
}

bool Thread::is_alive() const { return state_->ident != 0 && (!state_->runner || !state_->runner.ready()); }

void Thread::set_name(std::string name) const {
    state_->name = std::move(name);
    if (state_->runner)
        state_->runner.set_name(state_->name);
}

std::vector<Thread> enumerate() {
    std::vector<Thread> all{main_thread()};
    for (const auto& each : Thread::known().alive)
        if (Thread t(each); t.is_alive())
            all.push_back(t);
    return all;
}

std::size_t active_count() { return enumerate().size(); }

Thread main_thread() { return Thread(Thread::known().main); }

std::uint64_t get_ident() { return number_of(hub().running()); }

Thread current_thread() {
    for (const Thread& t : enumerate())
        if (t.ident() == get_ident())
            return t;
    const auto stand_in = std::make_shared<Thread::state>();
    stand_in->ident = get_ident();
    stand_in->name = "Dummy-" + std::to_string(stand_in->ident);
    stand_in->daemon = true;
    return Thread(stand_in);
}

void join_all_but_daemons() {
    for (bool waited = true; waited;) {
        waited = false;
        for (const Thread& t : enumerate())
            if (!t.daemon() && t != main_thread()) {
                t.join();
                waited = true;
            }
    }
}

}  // namespace ringlet::threading
