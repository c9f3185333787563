#pragma once
// The connections of a client that wait for another request, those used last first: they are the
// least likely to have been closed by the server. Nothing runs here; who is too old is found when
// somebody asks.

#include <ringlet/net/http_connection.hpp>

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace ringlet::http::detail {

class idle_connections {
public:
    idle_connections(std::size_t per_origin, std::size_t in_all, duration idle) noexcept
        : per_origin_(per_origin), in_all_(in_all), idle_(idle) {}

    /// Null when there is none.
    std::unique_ptr<connection> take(const std::string& origin);
    void put(const std::string& origin, std::unique_ptr<connection> c);
    std::size_t size() const noexcept { return size_; }
    void clear() noexcept {
        by_origin_.clear();
        size_ = 0;
    }

private:
    struct entry {
        std::unique_ptr<connection> idle;
        time_point since;
    };
    std::size_t per_origin_, in_all_;
    duration idle_;
    std::unordered_map<std::string, std::vector<entry>> by_origin_;
    std::size_t size_ = 0;
};

}  // namespace ringlet::http::detail
