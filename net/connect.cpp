#include <ringlet/net/connect.hpp>

#include <ringlet/core/event.hpp>
#include <ringlet/core/group.hpp>
#include <ringlet/core/timeout.hpp>

#include <algorithm>
#include <optional>
#include <stdexcept>

#include "url_host_private.hpp"

namespace ringlet::net {
namespace {

std::string words_of(const std::string& target, const std::vector<connect_error::failure>& failures) {
    std::string text = "connect " + target;
    const char* separator = ": ";
    for (const connect_error::failure& each : failures) {
        text += separator;
        if (each.where.to_string() != target)
            text += each.where.host() + ": ";
        text += each.text;
        separator = "; ";
    }
    return text;
}

/// RFC 8305 section 4: the families take turns, so that one that is broken costs one attempt.
std::vector<address> interleaved(const std::vector<address>& list) {
    std::vector<address> first;
    std::vector<address> second;
    for (const address& each : list)
        (each.family() == list.front().family() ? first : second).push_back(each);
    std::vector<address> mixed;
    mixed.reserve(list.size());
    for (std::size_t i = 0; mixed.size() < list.size(); ++i) {
        if (i < first.size())
            mixed.push_back(first[i]);
        if (i < second.size())
            mixed.push_back(second[i]);
    }
    return mixed;
}

/// The attempts to reach one target, and what became of each.
class attempts {
public:
    attempts(std::string target, const std::vector<address>& addresses, const connect_options& options)
        : target_(std::move(target)),
          addresses_(interleaved(addresses)),
          outcomes_(addresses_.size()),
          options_(options) {}

    task<tcp_stream> first_success(time_point end) {
        const deadline limit(end);
        try {
            if (addresses_.size() == 1)
                co_await try_one(0);
            else
                co_await race();
        } catch (const canceled&) {
            if (!limit.ends_here())
                throw;
        }
        if (!winner_)
            throw connect_error(target_, failures());
        co_return tcp_stream(std::move(*winner_), target_);
    }

private:
    task<> race() {
        const auto body = [this](group& g) -> task<> {
            all_ = &g;
            for (std::size_t i = 0; i < addresses_.size(); ++i) {
                g.spawn(&attempts::try_one, this, i);
                co_await failure_or_delay(i + 1 < addresses_.size() ? options_.attempt_delay() : duration::max());
            }
        };
        co_await with_group(body);
    }

    /// Until an attempt has failed, or `delay` has passed. A success cancels the wait.
    task<> failure_or_delay(duration delay) {
        failed_.clear();
        const deadline patience(delay);
        try {
            co_await failed_.wait();
        } catch (const canceled&) {
            if (!patience.ends_here())
                throw;
        }
    }

    task<> try_one(std::size_t which) {
        outcomes_[which].tried = true;
        try {
            io::fd fd = co_await detail::connect_fd(addresses_[which]);
            if (winner_)
                co_return;  // two came in the same lap; this one is closed here
            winner_.emplace(std::move(fd));
            if (all_ != nullptr)
                all_->cancel();
        } catch (const std::system_error& e) {
            outcomes_[which].error = e.code();
            failed_.set();
        }
    }

    std::vector<connect_error::failure> failures() const {
        std::vector<connect_error::failure> list;
        for (std::size_t i = 0; i < addresses_.size(); ++i) {
            const outcome& o = outcomes_[i];
            const std::error_code timed_out = std::make_error_code(std::errc::timed_out);
            if (o.error)
                list.emplace_back(addresses_[i], o.error, o.error.message());
            else if (o.tried)
                list.emplace_back(addresses_[i], timed_out, "timed out after " + to_string(options_.timeout()));
            else
                list.emplace_back(addresses_[i], timed_out, "not tried in time");
        }
        return list;
    }

    struct outcome {
        std::error_code error;
        bool tried = false;
    };

    std::string target_;
    std::vector<address> addresses_;
    std::vector<outcome> outcomes_;
    const connect_options& options_;
    std::optional<io::fd> winner_;
    group* all_ = nullptr;
    event failed_;
};

/// The addresses of a name, or a timeout_error that says what they were wanted for.
task<std::vector<address>> resolved(const std::string& host, std::uint16_t port, time_point end,
                                    const connect_options& options) {
    const deadline limit(end);
    try {
        co_return co_await resolve(host, port, resolve_options().family(options.family()));
    } catch (const canceled&) {
        if (!limit.ends_here())
            throw;
        throw timeout_error("connect " + detail::host_and_port(host, port) + ": resolve " + host, options.timeout());
    }
}

}  // namespace

connect_error::connect_error(const std::string& target, std::vector<failure> failures)
    : std::system_error(failures.front().code), failures_(std::move(failures)), text_(words_of(target, failures_)) {}

task<tcp_stream> connect_any(std::string target, std::vector<address> addresses, connect_options options) {
    if (addresses.empty())
        throw std::invalid_argument("connect " + target + ": no addresses were given");
    attempts all(std::move(target), addresses, options);
    co_return co_await all.first_success(after(loop::current().fresh_now(), options.timeout()));
}

task<tcp_stream> connect(address to, connect_options options) {
    attempts one(to.to_string(), std::vector<address>(1, to), options);
    co_return co_await one.first_success(after(loop::current().fresh_now(), options.timeout()));
}

task<tcp_stream> connect(std::string host, std::uint16_t port, connect_options options) {
    const std::string target = detail::host_and_port(host, port);
    const time_point end = after(loop::current().fresh_now(), options.timeout());
    attempts all(target, co_await resolved(host, port, end, options), options);
    co_return co_await all.first_success(end);
}

}  // namespace ringlet::net
