#pragma once
// How other threads reach a loop: they post letters, which the loop opens between two laps, in the
// order in which they were posted. A letter is intrusive, so posting allocates nothing, takes no lock
// and is allowed in a signal handler. The kernel is woken only when the loop sleeps in it. What is
// built on this: callbacks (callback.hpp), waits that another thread ends (outside.hpp).

#include <ringlet/core/kernel.hpp>

#include <atomic>
#include <mutex>
#include <utility>
#include <vector>

namespace ringlet {

class loop_ref;
class mailbox;
class weak_loop_ref;

/// Something for a loop to do. It belongs to the mailbox from the moment it is posted until it is
/// opened, and can then be posted again or freed.
class letter {
public:
    /// Runs on the loop's thread, outside of every greenlet: it may wake and spawn, and cannot wait.
    /// While a loop ends (loop::ending) it must start nothing new.
    using function = void (*)(letter&) noexcept;

    explicit letter(function on_open) noexcept : on_open_(on_open) {}
    letter(const letter&) = delete;
    letter& operator=(const letter&) = delete;

private:
    friend class mailbox;
    friend class outside_batch;
    letter* next_ = nullptr;
    function on_open_;
};

/// Many writers, one reader. All of its state is one word: the newest letter of a chain, or one of two
/// marks that are no letters. Whoever puts a letter on the mark `asleep` wakes the loop, nobody else.
class mailbox {
public:
    explicit mailbox(kernel& of) noexcept : kernel_(&of) {}
    mailbox(const mailbox&) = delete;
    mailbox& operator=(const mailbox&) = delete;

    /// From any thread. False: the loop has ended, and the letter is still the caller's.
    bool post(letter& l) noexcept;

    /// The same from a signal handler (or where no loop may be touched): always a system call when the
    /// loop sleeps, and errno is left alone.
    bool post_from_signal(letter& l) noexcept;

    // --- for the loop ----------------------------------------------------------------------------

    /// Says that the loop is about to sleep; false when there is a letter to be opened first.
    bool fall_asleep() noexcept {
        letter* empty = nullptr;
        if (!top_.compare_exchange_strong(empty, asleep(), std::memory_order_relaxed))
            return false;
        return slept_ = true;
    }

    /// Opens every letter there is. Called when the loop may be awake or has just woken.
    void open_all() noexcept {
        if (top_.load(std::memory_order_relaxed) != nullptr)
            open(top_.exchange(nullptr, std::memory_order_acquire));
    }

    /// Nothing can be posted any more. What is there is opened, and no other thread is left inside.
    void close() noexcept;

    /// True while other threads (or this one) hold a loop_ref, and so may post.
    bool expects_letters() const noexcept { return references_.load(std::memory_order_acquire) > 0; }

    bool empty() const noexcept { return top_.load(std::memory_order_acquire) == nullptr; }

    /// To be called after each turn, when the kernel has taken the messages to other rings.
    void messages_are_out() noexcept {
        if (!messaged_.empty()) [[unlikely]]
            forget_messaged();
    }

private:
    friend class loop_ref;
    friend class weak_loop_ref;

    static letter* asleep() noexcept { return mark(0); }
    static letter* closed() noexcept { return mark(1); }
    static letter* mark(int which) noexcept {
        alignas(letter) static constinit char marks[2 * sizeof(letter)]{};
        return reinterpret_cast<letter*>(marks + which * static_cast<int>(sizeof(letter)));
    }

    /// Puts `l` on top; tells what was there before.
    letter* put(letter& l) noexcept {
        letter* top = top_.load(std::memory_order_relaxed);
        do {
            if (top == closed())
                break;
            l.next_ = top == asleep() ? nullptr : top;
        } while (!top_.compare_exchange_weak(top, &l, std::memory_order_release, std::memory_order_relaxed));
        return top;
    }

    void open(letter* newest) noexcept;
    void wake_sleeper() noexcept;
    bool send_message_to(mailbox& sleeper) noexcept;
    void wake_messaged() noexcept;
    void forget_messaged() noexcept;
    void last_reference_gone() noexcept;
    static void message_failed(completion& c, int res, unsigned flags) noexcept;
    void hold_memory() noexcept { owners_.fetch_add(1, std::memory_order_relaxed); }
    void free_memory() noexcept {
        if (owners_.fetch_sub(1, std::memory_order_acq_rel) == 1)
            delete this;
    }

    struct failed_message : completion {
        explicit failed_message(mailbox& of) noexcept : completion(&message_failed), sender(of) {}
        mailbox& sender;
    };
    struct notice : letter {
        explicit notice(mailbox& of) noexcept
            : letter([](letter& l) noexcept {
                  static_cast<notice&>(l).box.notice_posted_.store(false, std::memory_order_release);
              }),
              box(of) {}
        mailbox& box;
    };

    // What other threads write, apart from what only the loop does.
    alignas(64) std::atomic<letter*> top_{nullptr};
    std::atomic<std::uint64_t> woken_by_others_{0};  // by posters who have left
    std::atomic<std::int64_t> references_{0};
    std::atomic<std::int64_t> owners_{1};
    std::atomic<bool> notice_posted_{false};
    notice nobody_left_{*this};
    std::mutex ending_;  // held to look at kernel_ where the count above does not protect it

    alignas(64) kernel* kernel_;
    std::uint64_t woken_ = 0;
    bool slept_ = false;
    failed_message on_failure_{*this};
    std::vector<mailbox*> messaged_;  // their memory held

    friend class mailbox_owner;
};

/// What the loop holds of its mailbox. The memory stays until the last loop_ref is gone.
class mailbox_owner {
public:
    explicit mailbox_owner(kernel& of) : box_(new mailbox(of)) {}
    mailbox_owner(const mailbox_owner&) = delete;
    mailbox_owner& operator=(const mailbox_owner&) = delete;
    ~mailbox_owner() { box_->free_memory(); }
    mailbox& operator*() const noexcept { return *box_; }
    mailbox* operator->() const noexcept { return box_; }

private:
    mailbox* box_;
};

/// Names a loop, from any thread and for as long as one likes; the loop may have ended meanwhile. While
/// one exists the loop takes no wait for a deadlock, since a letter may still come.
class loop_ref {
public:
    loop_ref() = default;
    explicit loop_ref(mailbox& box) noexcept : box_(&box) { hold(); }
    loop_ref(const loop_ref& other) noexcept : box_(other.box_) { hold(); }
    loop_ref(loop_ref&& other) noexcept : box_(std::exchange(other.box_, nullptr)) {}
    loop_ref& operator=(loop_ref other) noexcept {
        std::swap(box_, other.box_);
        return *this;
    }
    ~loop_ref();

    explicit operator bool() const noexcept { return box_ != nullptr; }
    friend bool operator==(const loop_ref&, const loop_ref&) = default;

    /// True on the thread of that loop.
    bool is_here() const noexcept { return box_ != nullptr && is_current(*box_); }

    /// True on the thread whose loop has this mailbox.
    static bool is_current(const mailbox& box) noexcept;

    /// False: the loop has ended.
    bool post(letter& l) const noexcept { return box().post(l); }
    bool post_from_signal(letter& l) const noexcept { return box().post_from_signal(l); }

private:
    friend class mailbox;
    mailbox& box() const noexcept;
    void hold() const noexcept {
        if (box_ == nullptr)
            return;
        box_->hold_memory();
        box_->references_.fetch_add(1, std::memory_order_relaxed);
    }

    mailbox* box_ = nullptr;
};

/// Names a loop and expects nothing of it: for tables of loops that outlive what is done with them.
class weak_loop_ref {
public:
    weak_loop_ref() = default;
    explicit weak_loop_ref(mailbox& box) noexcept : box_(&box) { box.hold_memory(); }
    weak_loop_ref(weak_loop_ref&& other) noexcept : box_(std::exchange(other.box_, nullptr)) {}
    weak_loop_ref& operator=(weak_loop_ref other) noexcept {
        std::swap(box_, other.box_);
        return *this;
    }
    ~weak_loop_ref() {
        if (box_ != nullptr)
            box_->free_memory();
    }

    explicit operator bool() const noexcept { return box_ != nullptr; }
    loop_ref lock() const noexcept { return box_ != nullptr ? loop_ref(*box_) : loop_ref(); }

private:
    mailbox* box_ = nullptr;
};

/// The loop of this thread; made if there is none.
loop_ref this_loop();

}  // namespace ringlet
