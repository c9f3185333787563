#pragma once
// The connections of a client: those in use, counted, and those that wait for another request, the ones
// used last first, since they are the least likely to have been closed by the server. There are so many
// per origin and so many in all; who comes when that is spent waits for its turn. Nothing runs here: an
// idle connection that is too old is found when somebody asks.

#include <ringlet/core/semaphore.hpp>
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
            return *this;
        }
        ~lease() {
            if (pool_)
                pool_->give_back(*at_, std::move(held_));
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
        void set(std::unique_ptr<connection> c) noexcept { held_ = std::move(c); }

    private:
        friend class connection_pool;
        lease(std::shared_ptr<connection_pool> p, origin& at) noexcept : pool_(std::move(p)), at_(&at) {}

        std::shared_ptr<connection_pool> pool_;
        origin* at_ = nullptr;
        std::unique_ptr<connection> held_;
    };

    explicit connection_pool(const pool_limits& most) noexcept : most_(most), all_(most.in_all) {}

    /// Awaitable: the right to a connection, first come, first served, with an idle one if there is any.
    task<lease> take(std::string_view origin);
    /// The same if it can be had without waiting.
    lease take_now(std::string_view origin);

    std::size_t idle() const noexcept { return idle_; }
    std::size_t in_use() const noexcept { return in_use_; }
    void close_idle() noexcept;

private:
    struct entry {
        std::unique_ptr<connection> idle;
        time_point since;
    };
    struct origin {
        explicit origin(std::size_t most) noexcept : permits(most) {}
        semaphore permits;
        std::size_t users = 0;  // have a lease, or wait for one
        std::vector<entry> idle;
    };
    struct hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>()(text); }
    };

    origin& find(std::string_view name);
    lease leased(origin& at);
    std::unique_ptr<connection> take_idle(origin& from);
    void give_back(origin& to, std::unique_ptr<connection> c) noexcept;
    void leave(origin& from, bool all, bool own) noexcept;
    void make_room() noexcept;
    void forget_unused() noexcept;

    pool_limits most_;
    semaphore all_;
    std::unordered_map<std::string, origin, hash, std::equal_to<>> origins_;
    std::size_t idle_ = 0, in_use_ = 0;
};

}  // namespace ringlet::http::detail
