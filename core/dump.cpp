#include <ringlet/core/dump.hpp>

#include <ringlet/core/fiber_host.hpp>
#include <ringlet/core/greenlet.hpp>
#include <ringlet/core/hub.hpp>
#include <ringlet/core/mutex.hpp>
#include <ringlet/core/op.hpp>
#include <ringlet/core/recursive_mutex.hpp>
#include <ringlet/core/report.hpp>
#include <ringlet/core/sleep.hpp>
#include <ringlet/core/stack_trace.hpp>
#include <ringlet/core/task.hpp>

#include <algorithm>
#include <array>
#include <bitset>
#include <cerrno>
#include <ostream>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <unordered_map>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace ringlet {
namespace {

constexpr std::size_t deepest_indent = 20;  // a chain of a thousand spawners must fit the screen

// --- descriptors ---------------------------------------------------------------------------------

/// In which requests `fd` is a descriptor that the caller chose.
bool is_about_a_descriptor(unsigned opcode) {
    static const std::bitset<256> known = [] {
        std::bitset<256> set;
        for (const int each :
             {IORING_OP_READV,       IORING_OP_WRITEV,   IORING_OP_FSYNC,           IORING_OP_READ_FIXED,
              IORING_OP_WRITE_FIXED, IORING_OP_POLL_ADD, IORING_OP_SYNC_FILE_RANGE, IORING_OP_SENDMSG,
              IORING_OP_RECVMSG,     IORING_OP_ACCEPT,   IORING_OP_CONNECT,         IORING_OP_FALLOCATE,
              IORING_OP_CLOSE,       IORING_OP_READ,     IORING_OP_WRITE,           IORING_OP_FADVISE,
              IORING_OP_SEND,        IORING_OP_RECV,     IORING_OP_SPLICE,          IORING_OP_SHUTDOWN,
              IORING_OP_SEND_ZC})
            set.set(static_cast<std::size_t>(each));
        return set;
    }();
    return opcode < known.size() && known[opcode];
}

std::string readable(const sockaddr_storage& address) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (address.ss_family == AF_INET) {
        const auto& in = reinterpret_cast<const sockaddr_in&>(address);
        inet_ntop(AF_INET, &in.sin_addr, text.data(), text.size());
        return std::string(text.data()) + ":" + std::to_string(ntohs(in.sin_port));
    }
    if (address.ss_family == AF_INET6) {
        const auto& in = reinterpret_cast<const sockaddr_in6&>(address);
        inet_ntop(AF_INET6, &in.sin6_addr, text.data(), text.size());
        return std::string("[").append(text.data()).append("]:") + std::to_string(ntohs(in.sin6_port));
    }
    return "";
}

/// " (peer 127.0.0.1:80)", " (at 0.0.0.0:80)", " (/etc/hosts)", or nothing.
std::string describe_descriptor(int fd) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    std::string text;
    if (getpeername(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0)
        text = readable(address);
    if (!text.empty())
        return " (peer " + std::move(text) + ")";
    size = sizeof address;
    if (getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0)
        text = readable(address);
    if (!text.empty())
        return " (at " + text + ")";
    std::array<char, 200> path{};
    const ssize_t length = readlink(("/proc/self/fd/" + std::to_string(fd)).c_str(), path.data(), path.size());
    return length > 0 ? " (" + std::string(path.data(), static_cast<std::size_t>(length)) + ")" : "";
}

// --- one greenlet --------------------------------------------------------------------------------

/// "void f(f()::_Z1fv.Frame*)" is how g++ calls a coroutine f.
std::string readable_function(std::string name) {
    constexpr std::string_view suffix = ".Frame*)";
    if (!name.ends_with(suffix))
        return name;
    int depth = 0;
    for (std::size_t i = name.size(); i-- > 0;) {
        depth += name[i] == ')' ? 1 : name[i] == '(' ? -1 : 0;
        if (depth == 0)
            return name.substr(0, i) + "()";
    }
    return name;
}

std::string readable(std::source_location where) {
    if (where.line() == 0)
        return "an unknown place";
    return std::string(where.file_name()) + ":" + std::to_string(where.line()) + " in " +
           readable_function(where.function_name());
}

/// The promise of a frame that is a task's; null for every other coroutine. Reads one word of a promise
/// of whatever type, which each has.
const task_promise_base* as_task(std::coroutine_handle<> frame) {
    const auto& promise = promise_of<task_promise_base>(frame);
    return promise.error.marked() ? &promise : nullptr;
}

class writer {
public:
    writer(loop& l, const dump_options& options) : loop_(l), options_(options), now_(l.fresh_now()) {
        l.for_each_greenlet([this](const greenlet_base& each) { alive_.push_back(&each); });
        by_address_ = alive_;
        std::sort(by_address_.begin(), by_address_.end());
        l.for_each_ready([this](const waiter& w) { ready_.emplace(w.owner(), &w); });
        l.fibers().for_each([this](fiber_host& each) {
            if (const suspend_request* request = each.waits_for())
                fibers_.emplace(request->host.address(), &each);
        });
    }

    std::string write() {
        sort_by_spawner();
        if (loop_.main().waiting_on() != nullptr)
            add(loop_.main(), 0);
        std::vector<place> to_do;
        push_children(to_do, 0, 0);
        while (!to_do.empty()) {
            const place next = to_do.back();
            to_do.pop_back();
            if (written_++ == options_.limit()) {
                text_ += "\n    and " + std::to_string(alive_.size() - options_.limit()) + " more";
                break;
            }
            add(*next.who, next.depth);
            push_children(to_do, next.who->id(), next.depth + 1);
        }
        return std::move(text_);
    }

private:
    struct place {
        const greenlet_base* who;
        std::size_t depth;
    };

    const greenlet_base* find(std::uint64_t id) const {
        const auto at = std::lower_bound(alive_.begin(), alive_.end(), id,
                                         [](const greenlet_base* g, std::uint64_t i) { return g->id() < i; });
        return at != alive_.end() && (*at)->id() == id ? *at : nullptr;
    }

    /// Whose spawner is over stands at the top, like those of the main program.
    std::uint64_t parent_of(const greenlet_base& g) const { return find(g.spawner()) != nullptr ? g.spawner() : 0; }

    void sort_by_spawner() {
        std::sort(alive_.begin(), alive_.end(),
                  [](const greenlet_base* a, const greenlet_base* b) { return a->id() < b->id(); });
        for (const greenlet_base* g : alive_)
            children_.emplace_back(parent_of(*g), g);
        std::sort(children_.begin(), children_.end(), [](const auto& a, const auto& b) {
            return a.first != b.first ? a.first < b.first : a.second->id() < b.second->id();
        });
    }

    void push_children(std::vector<place>& to_do, std::uint64_t id, std::size_t depth) const {
        const auto before = [](const auto& child, std::uint64_t i) { return child.first < i; };
        const auto first = std::lower_bound(children_.begin(), children_.end(), id, before);
        const auto last = std::lower_bound(first, children_.end(), id + 1, before);
        for (auto at = last; at != first;)
            to_do.push_back({(--at)->second, depth});
    }

    void line(std::size_t depth, const std::string& what) {
        text_ += "\n";
        text_.append(4 + 2 * std::min(depth, deepest_indent), ' ');
        text_ += what;
    }

    void add(const greenlet_base& g, std::size_t depth) {
        line(depth, title(g) + state(g) + origin(g));
        if (place_of(g) != nullptr)
            add_awaits(g, depth);
    }

    std::string title(const greenlet_base& g) const {
        std::string text = g.name();
        if (&g == &loop_.main())
            return text;
        const bool named = g.given_name() != nullptr;
        text += named ? " (greenlet " + std::to_string(g.id()) + ", " : " (";
        text += g.on_fiber() ? "a fiber" : "a coroutine";
        if (options_.ages())
            text += ", " + to_string(std::max(now_ - g.born(), duration::zero())) + " old";
        return text + ")";
    }

    std::string state(const greenlet_base& g) const {
        const char* const told = g.killed() ? ", was told to end" : "";
        // First, because main counts as running while the loop runs for it, and it waits.
        if (const waiter* w = g.waiting_on())
            return " waits for " + describe(*w) + told;
        if (&loop_.running() == &g)
            return " runs now" + std::string(told);
        if (ready_.contains(&g))
            return " is ready to run" + std::string(told);
        return " waits for something that ringlet does not know" + std::string(told);
    }

    std::string origin(const greenlet_base& g) const {
        std::string text;
        if (g.spawner() != 0 && find(g.spawner()) == nullptr)
            text += ", spawned by greenlet " + std::to_string(g.spawner()) + ", which is over";
        if (g.spawned_at().line() != 0)
            text += ", spawned at " + readable(g.spawned_at());
        return text;
    }

    /// What it is suspended on, also when that has been woken already.
    const waiter* place_of(const greenlet_base& g) const {
        if (&loop_.running() == &g)
            return nullptr;
        if (const waiter* w = g.waiting_on())
            return w;
        const auto found = ready_.find(&g);
        return found != ready_.end() ? found->second : nullptr;
    }

    std::string describe(const waiter& w) const {
        std::string text = w.what();
        switch (w.is()) {
            case waiter::kind::operation: {
                const io_uring_sqe& asked = static_cast<const op&>(w).asked();
                if (!is_about_a_descriptor(asked.opcode))
                    break;
                text += " on fd " + std::to_string(asked.fd);
                if ((asked.flags & IOSQE_FIXED_FILE) == 0 && !loop_.kernel().clock_jumps())
                    text += describe_descriptor(asked.fd);
                break;
            }
            case waiter::kind::sleep: {
                const time_point until = static_cast<const sleep_awaiter&>(w).until();
                text += until == never ? " without end"
                                       : ", " + to_string(std::max(until - now_, duration::zero())) + " left";
                break;
            }
            case waiter::kind::join: text += " of " + static_cast<const join_awaiter&>(w).target().name(); break;
            case waiter::kind::mutex: text += held_by(static_cast<const mutex::awaiter&>(w).of().holder()); break;
            case waiter::kind::recursive_mutex:
                text += held_by(static_cast<const recursive_mutex::awaiter&>(w).of().owner());
                break;
            case waiter::kind::plain:
            case waiter::kind::greenlet: break;
        }
        return text;
    }

    std::string held_by(const greenlet_base* holder) const {
        if (holder == nullptr)
            return "";
        if (holder == &loop_.main())
            return " held by main";
        // Compared and not looked at: who is over may have left the lock locked.
        const bool lives = std::binary_search(by_address_.begin(), by_address_.end(), holder);
        return lives ? " held by " + holder->name() : " held by somebody who is over";
    }

    /// From the innermost co_await outwards.
    void add_awaits(const greenlet_base& g, std::size_t depth) {
        for (std::coroutine_handle<> frame = g.suspended_at(); frame && frame != loop_.end_of_greenlet();) {
            const task_promise_base* task = as_task(frame);
            if (task == nullptr) {
                line(depth, "    in a coroutine that is not ringlet's");
                return;
            }
            line(depth, "    at " + readable(task->awaits_at));
            if (const auto fiber = fibers_.find(frame.address()); fiber != fibers_.end())
                add_stack(*fiber->second, depth);
            frame = task->parent;
        }
    }

    void add_stack(fiber_host& fiber, std::size_t depth) {
        std::array<void*, 64> addresses;
        const std::size_t count =
            fiber.trace(std::span(addresses).first(std::min(options_.addresses(), addresses.size())));
        for (std::size_t i = 0; i < count; ++i)
            line(depth, "      in " + names_.of(addresses[i]));
    }

    loop& loop_;
    const dump_options& options_;
    time_point now_;
    std::vector<const greenlet_base*> alive_;  // by id
    std::vector<const greenlet_base*> by_address_;
    std::vector<std::pair<std::uint64_t, const greenlet_base*>> children_;  // by spawner, id
    std::unordered_map<const greenlet_base*, const waiter*> ready_;
    std::unordered_map<const void*, fiber_host*> fibers_;  // by their hosts' frames
    std::size_t written_ = 0;
    address_names names_;
    std::string text_;
};

// --- on a signal ---------------------------------------------------------------------------------

/// What a loop that asked for dumps keeps in the table of the signal handler.
class dump_letter : public letter {
public:
    dump_letter() noexcept : letter(&open) {}
    dump_letter(const dump_letter&) = delete;
    dump_letter& operator=(const dump_letter&) = delete;
    ~dump_letter();

    void enroll();
    void ask() noexcept {
        if (!asked_.exchange(true, std::memory_order_acq_rel))
            box_.post_from_signal(*this);
    }

private:
    static void open(letter& l) noexcept {
        static_cast<dump_letter&>(l).asked_.store(false, std::memory_order_release);
        loop& here = loop::current();
        if (!here.ending())
            report("the greenlets of this loop:" + dump_text(here));
    }

    mailbox& box_ = loop::current().mail();
    std::atomic<bool> asked_{false};
};

// A handler can neither lock nor allocate: a table of fixed size, and a count of handlers inside.
std::array<std::atomic<dump_letter*>, 256> askable;
std::atomic<int> handlers_inside{0};

void on_dump_signal(int) {
    handlers_inside.fetch_add(1);
    for (auto& slot : askable)
        if (dump_letter* l = slot.load())
            l->ask();
    handlers_inside.fetch_sub(1);
}

void dump_letter::enroll() {
    for (auto& slot : askable) {
        if (slot.load() == this)
            return;
        dump_letter* empty = nullptr;
        if (slot.compare_exchange_strong(empty, this))
            return;
    }
    throw std::runtime_error("dump_on_signal: too many loops asked for dumps");
}

dump_letter::~dump_letter() {
    for (auto& slot : askable) {
        dump_letter* mine = this;
        slot.compare_exchange_strong(mine, nullptr);
    }
    while (handlers_inside.load() > 0)
        std::this_thread::yield();
    if (asked_.load(std::memory_order_acquire))
        box_.open_all();
}

}  // namespace

void* fiber_host::answer(stack_question& q) {
    q.count = take_stack_trace(q.addresses);
    return context::current().switch_to(*q.asker, nullptr);
}

std::size_t fiber_host::trace(std::span<void*> addresses) {
    stack_question q{&context::current(), addresses, 0};
    if (!addresses.empty())
        context::current().switch_to(*active_, &q);
    return q.count;
}

std::string dump_text(loop& l, const dump_options& options) { return writer(l, options).write(); }

void dump(std::ostream& out, const dump_options& options) {
    loop& l = hub();
    const std::string text = dump_text(l, options);
    std::size_t count = 0;
    l.for_each_greenlet([&count](const greenlet_base&) { ++count; });
    out << count << (count == 1 ? " greenlet, " : " greenlets, ") << l.timers().size() << " timers, " << l.in_flight()
        << " requests in flight:" << text << "\n";
}

void dump_on_signal(int number) {
    hub().service<dump_letter>().enroll();
    struct sigaction mine{};
    mine.sa_handler = &on_dump_signal;
    mine.sa_flags = SA_RESTART;
    sigemptyset(&mine.sa_mask);
    if (sigaction(number, &mine, nullptr) != 0)
        throw std::system_error(errno, std::system_category(), "dump_on_signal");
}

std::string list_greenlets(loop& l) { return dump_text(l, dump_options().limit(1000).addresses(0).ages(false)); }

}  // namespace ringlet
