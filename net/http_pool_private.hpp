#pragma once
// The connections of a client: those in use, counted, and those that wait for another request, the ones
// used last first, since they are the least likely to have been closed by the server. There are so many
// per origin and so many in all; who comes when that is spent waits for its turn. Nothing runs here: an
// idle connection that is too old is found when somebody asks.
//
// A connection of HTTP/2 carries many requests and counts once, from the first of them to the last. Where an
// origin may speak it, who has to connect does so alone: the others wait for what comes of it, and share it.

#include <ringlet/core/semaphore.hpp>
#include <ringlet/net/http2_private.hpp>
#include <ringlet/net/http_connection.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace ringlet::http::detail {

/// How many connections there may be at a time, and for how long one is kept that has nothing to do.
struct pool_limits {
    std::size_t per_origin, in_all;  // in use and idle together
    std::size_t idle_per_origin, idle_in_all;
    duration idle;
};

/// Shared by a client and by the responses that are still being read when it goes.
class connection_pool : public std::enable_shared_from_this<connection_pool> {
    struct origin;

public:
    /// The right to one connection to an origin, and that connection once there is one. Gone, it leaves the
    /// connection to the next request if that can be, and closes it otherwise.
    class lease {
    public:
        lease() = default;
        lease(lease&& other) noexcept = default;
        lease& operator=(lease&& other) noexcept {
            std::swap(pool_, other.pool_);
            std::swap(at_, other.at_);
            std::swap(held_, other.held_);
            std::swap(shared_, other.shared_);
            std::swap(connects_, other.connects_);
            return *this;
        }
        ~lease() {
            if (pool_)
                pool_->give_back(*this);
        }

        /// False for one that is none: made so, or what take_now() gives when others have all there are.
        bool is_right() const noexcept { return pool_ != nullptr; }
        explicit operator bool() const noexcept { return held_ != nullptr; }
        connection& operator*() const noexcept { return *held_; }
        connection* operator->() const noexcept { return held_.get(); }

        /// Closes the connection; the right to another one stays.
        void drop() noexcept { held_.reset(); }
        /// Before another connection is made: closes an idle one when there would be too many.
        void make_room() noexcept { pool_->make_room(); }
        void set(std::unique_ptr<connection> c) noexcept;
        /// The same for one that can be shared.
        void set(std::shared_ptr<http2_client> c);
        /// It could not be made. Who has waited for it tries by themselves, all at once.
        void connect_failed() noexcept;
        /// Others use the connection too: dropped, the right to it is gone as well.
        bool shares() const noexcept { return shared_ != nullptr; }

    private:
        friend class connection_pool;
        lease(std::shared_ptr<connection_pool> p, origin& at) noexcept : pool_(std::move(p)), at_(&at) {}

        std::shared_ptr<connection_pool> pool_;
        origin* at_ = nullptr;
        std::unique_ptr<connection> held_;  // of a shared one, one exchange
        std::shared_ptr<http2_client> shared_;
        bool connects_ = false;  // for all who wait
    };

    connection_pool(const pool_limits& most, const limits& messages) noexcept
        : most_(most), messages_(messages), all_(most.in_all) {}

    /// Awaitable: the right to a connection, first come, first served, with an idle one if there is any.
    /// `shared`: the origin may speak HTTP/2.
    task<lease> take(std::string_view origin, bool shared);
    /// The same if it can be had without waiting.
    lease take_now(std::string_view origin, bool shared);

    std::size_t idle() const noexcept { return idle_; }
    std::size_t in_use() const noexcept { return in_use_; }
    void close_idle() noexcept;

private:
    struct entry {
        std::unique_ptr<connection> idle;
        time_point since;
        std::shared_ptr<http2_client> shared{};  // or this
    };
    struct origin {
        explicit origin(std::size_t most) noexcept : permits(most) {}
        semaphore permits;
        std::size_t users = 0;  // have a lease, or wait for one
        std::vector<entry> idle;

        std::vector<std::shared_ptr<http2_client>> shared;  // that carry requests
        bool one_by_one = false;  // it does not share, or nobody has come so far
        bool connecting = false;
        semaphore turns{0};  // for those who wait for room on a shared connection; released only to them
        std::size_t waiting = 0;
    };
    struct hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>()(text); }
    };

    origin& find(std::string_view name);
    lease leased(origin& at);
    entry take_idle(origin& from);
    task<> acquire(origin& at);
    bool try_acquire(origin& at) noexcept;
    task<bool> wait_for_room(origin& at, lease& into);
    bool share(origin& at, lease& into);
    static bool may_connect(const origin& at) noexcept;
    void wake_one(origin& at) noexcept;
    void wake_all(origin& at) noexcept;
    void give_back(lease& l) noexcept;
    void keep(origin& at, entry e) noexcept;
    void leave(origin& from, bool all, bool own) noexcept;
    void make_room() noexcept;
    void forget_unused() noexcept;

    pool_limits most_;
    limits messages_;
    semaphore all_;
    using origins = std::unordered_map<std::string, origin, hash, std::equal_to<>>;
    origins origins_;
    origins::value_type* last_ = nullptr;  // that was asked for: the next request is often to the same one
    std::size_t idle_ = 0, in_use_ = 0;
};

}  // namespace ringlet::http::detail
