#pragma once
// Answers that are still true, a bounded number of them: those not asked for longest go first.

#include <ringlet/net/name_query_private.hpp>

#include <cstddef>
#include <list>
#include <string>
#include <unordered_map>

namespace ringlet::net::detail {

class name_cache {
public:
    explicit name_cache(std::size_t most) noexcept : most_(most) {}

    /// The answer for `key` if it is known and still true at `now`; good until the next call.
    const name_answer* find(const std::string& key, time_point now);

    /// Remembers an answer for as long as it says.
    void put(const std::string& key, const name_answer& answer, time_point now);

    std::size_t size() const noexcept { return places_.size(); }

private:
    struct entry {
        std::string key;
        name_answer answer;
        time_point until;
    };

    std::size_t most_;
    std::list<entry> by_use_;  // most recent first
    std::unordered_map<std::string_view, std::list<entry>::iterator> places_;  // keys live in by_use_
};

}  // namespace ringlet::net::detail
