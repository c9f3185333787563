#include <ringlet/net/grequests.hpp>

#include <ringlet/core/await.hpp>
#include <ringlet/core/hub.hpp>
#include <ringlet/core/pool.hpp>
#include <ringlet/core/scope.hpp>

#include <algorithm>

namespace ringlet::grequests {
namespace {

/// None at a time would never end; as in Python it is no limit.
std::size_t at_a_time(std::size_t size, std::size_t all) { return size != 0 ? size : std::max<std::size_t>(all, 1); }

/// Empty if it failed and nobody has something in its place.
std::optional<Response> sent(const AsyncRequest& r, const ExceptionHandler& handler) {
    try {
        return r.send();
    } catch (const std::exception&) {
        return handler ? handler(r, std::current_exception()) : std::nullopt;
    }
}

}  // namespace

std::vector<std::optional<Response>> map(const std::vector<AsyncRequest>& all, const MapOptions& how) {
    std::vector<std::optional<Response>> responses(all.size());
    if (all.empty())
        return responses;
    hub();
    const pool workers(at_a_time(how.size.value_or(0), all.size()));
    std::vector<std::size_t> numbers(all.size());
    std::ranges::generate(numbers, [n = std::size_t{0}]() mutable { return n++; });
    const auto one = [&](std::size_t i) { responses[i] = sent(all[i], how.exception_handler); };
    const deadline limit(how.gtimeout ? seconds(*how.gtimeout) : duration::max());
    try {
        await(workers.map(std::move(numbers), one));
    } catch (const canceled&) {
        if (!limit.ends_here())
            throw;
    }
    return responses;
}

Responses imap(std::vector<AsyncRequest> all, const ImapOptions& how) {
    hub();
    const std::size_t size = at_a_time(how.size, all.size());
    const pool workers(size);
    const auto one = [handler = how.exception_handler](const AsyncRequest& r) { return sent(r, handler); };
    using results = decltype(workers.imap_unordered(std::move(all), one, size));
    auto coming = std::make_shared<results>(workers.imap_unordered(std::move(all), one, size));
    return Responses([coming]() -> std::optional<Response> {
        while (auto next = await(coming->next()))
            if (*next)
                return std::move(**next);
        return std::nullopt;
    });
}

}  // namespace ringlet::grequests
