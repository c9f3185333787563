#include <ringlet/net/resolve.hpp>

#include <ringlet/core/greenlet_base.hpp>
#include <ringlet/net/address_order_private.hpp>
#include <ringlet/net/hosts_file_private.hpp>
#include <ringlet/net/name_cache_private.hpp>
#include <ringlet/net/name_query_private.hpp>
#include <ringlet/net/resolv_conf_private.hpp>
#include "ascii_private.hpp"
#include "idn_private.hpp"

#include <algorithm>
#include <cstdlib>
#include <utility>

namespace ringlet::net {
namespace {

std::string lower_case(std::string_view text) {
    std::string result(text);
    std::ranges::transform(result, result.begin(), ascii::lower);
    return result;
}

/// RFC 1123 section 2.1, and the underscore that many use. A last label of digits only would be a
/// numeric address that inet_pton does not take, such as 127.1: never asked for, so that it cannot
/// mean one thing here and another elsewhere.
bool is_host_name(std::string_view name) {
    if (name.ends_with('.'))
        name.remove_suffix(1);
    if (name.empty() || name.size() > 253)
        return false;
    bool digits = true;
    std::size_t label = 0;
    for (const char c : name) {
        if (c == '.') {
            if (label == 0)
                return false;
            digits = true;
            label = 0;
            continue;
        }
        if (!ascii::is_alpha(c) && !ascii::is_digit(c) && c != '-' && c != '_')
            return false;
        digits = digits && ascii::is_digit(c);
        if (++label > 63)
            return false;
    }
    return label > 0 && !digits;
}

/// RFC 6761 section 6.3: these never leave the machine.
bool is_localhost(std::string_view name) { return name == "localhost" || name.ends_with(".localhost"); }

std::vector<address> with_port(std::vector<address> list, std::uint16_t port) {
    for (address& each : list)
        each = each.with_port(port);
    return list;
}

}  // namespace

/// Somebody wants to know; one for each name and family, however many wait. Those who wait own it.
class resolver::question final : public hook, private detail::name_asker {
public:
    question(state& in, std::string key, std::vector<std::string> names, int family)
        : state_(in), key_(std::move(key)), names_(std::move(names)), family_(family) {}

    /// Asks for the next of the names that it may be.
    void ask_next();
    void wait_here(waiter& w) noexcept { waiting_.push_back(w); }
    /// Somebody who waited has gone.
    void left() noexcept;

    const std::string& key() const noexcept { return key_; }
    const detail::name_answer& answer() const noexcept { return answer_; }

private:
    friend struct resolver::state;
    void answered(detail::name_answer answer) noexcept override;

    state& state_;
    std::string key_;
    std::vector<std::string> names_;
    std::size_t next_ = 0;
    int family_;
    std::unique_ptr<detail::name_query> query_;
    list<waiter> waiting_;
    detail::name_answer answer_;
    bool outdated_ = false;  // the settings have changed since it was asked
};

struct resolver::state : private timer {
    explicit state(resolver_options given)
        : timer(&start_some),
          options_(std::move(given)),
          hosts_(options_.hosts()),
          conf_file_(options_.resolv_conf()),
          cache_(options_.cache_size()) {}
    ~state() {
        if (armed())
            loop::current().timers().disarm(*this);
    }

    std::vector<address> local(const std::string& name, int family);
    const detail::name_answer* remembered(const std::string& key);
    std::shared_ptr<question> ask(const std::string& key, const std::string& name, int family);
    void over(question& q, bool was_running) noexcept;
    static void start_some(timer& t) noexcept;
    void read_settings();
    void prefer(const address& server) noexcept;

    resolver_options options_;
    detail::hosts_file hosts_;
    detail::watched_file conf_file_;
    detail::resolv_conf conf_;
    detail::query_settings settings_;
    detail::name_cache cache_;
    std::unordered_map<std::string, std::shared_ptr<question>> questions_;
    list<question> line_;  // not yet asked, because so many others are
    std::size_t running_ = 0;
};

/// Waits for the answer to a question.
class resolver::answer_awaiter : public waiter {
public:
    const char* what() const noexcept override { return "the addresses of a name"; }
    explicit answer_awaiter(question& q) noexcept : waiter(source::outside), question_(q) {}

    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> h) noexcept {
        park(h);
        question_.wait_here(*this);
    }
    void await_resume() const { throw_if_aborted(); }

private:
    void abort() noexcept override {
        wake(*this);
        question_.left();
    }

    question& question_;
};

// --- one question ------------------------------------------------------------------------------------

void resolver::question::ask_next() {
    const std::string& name = names_[next_++];
    if (state_.options_.backend() == resolver_backend::getaddrinfo)
        query_ = detail::ask_getaddrinfo(name, family_, *this);
    else
        query_ = detail::ask_cares(name, family_, state_.settings_, *this);
}

void resolver::question::answered(detail::name_answer answer) noexcept {
    using enum resolve_errc;
    query_.reset();
    if (answer.rescuer)
        state_.prefer(*answer.rescuer);
    const bool is_no = answer.error == not_found || answer.error == no_addresses;
    if (next_ > 1) {
        // A name that was found without addresses, or a server that failed, says more than "not found".
        answer.keep = std::min(answer.keep, answer_.keep);
        if (is_no && answer_.error != not_found)
            answer.error = answer_.error;
    }
    answer_ = std::move(answer);
    if ((is_no || answer_.error == server_failed) && next_ < names_.size()) {
        ask_next();
        return;
    }
    if (!answer_.error)
        answer_.addresses = detail::ordered(std::move(answer_.addresses));
    if (!outdated_)
        state_.cache_.put(key_, answer_, loop::current().fresh_now());
    state_.over(*this, true);
}

/// The last one to leave ends the question.
void resolver::question::left() noexcept {
    if (!waiting_.empty())
        return;
    const bool was_running = query_ != nullptr;
    query_.reset();
    state_.over(*this, was_running);
}

// --- all of them -------------------------------------------------------------------------------------

/// What is known without asking anybody.
std::vector<address> resolver::state::local(const std::string& name, int family) {
    const auto wrong = [family](const address& a) { return family != AF_UNSPEC && a.family() != family; };
    std::vector<address> found = hosts_.find(name);
    std::erase_if(found, wrong);
    if (found.empty() && is_localhost(name)) {
        found.push_back(address::loopback6(0));
        found.push_back(address::loopback(0));
        std::erase_if(found, wrong);
    }
    return detail::ordered(std::move(found));
}

const detail::name_answer* resolver::state::remembered(const std::string& key) {
    return cache_.find(key, loop::current().now());
}

/// What resolv.conf says counts where the options say nothing. When it changes, the machine may be in
/// another network, and what was true there need not be true here.
void resolver::state::read_settings() {
    if (!conf_file_.changed())
        return;
    conf_ = detail::parse_resolv_conf(conf_file_.take_text());
    cache_ = detail::name_cache(options_.cache_size());
    for (const auto& [key, asked] : questions_)
        asked->outdated_ = true;
    if (!options_.servers().empty()) {
        conf_.servers = options_.servers();
        conf_.domains = options_.domains();
        conf_.ndots = options_.ndots();
    }
    settings_.servers = conf_.servers;
    settings_.timeout = options_.timeout() > duration::zero() ? options_.timeout() : conf_.timeout;
    settings_.tries = options_.tries() > 0 ? options_.tries() : conf_.tries;
    settings_.patience = options_.patience();
}

/// The first to be asked from now on, so that a dead server costs its timeout once and not every time.
void resolver::state::prefer(const address& server) noexcept {
    auto& all = settings_.servers;
    if (const auto at = std::ranges::find(all, server); at != all.end())
        std::rotate(all.begin(), at, at + 1);
}

std::shared_ptr<resolver::question> resolver::state::ask(const std::string& key, const std::string& name,
                                                         int family) {
    std::shared_ptr<question>& known = questions_[key];
    if (known == nullptr) {
        const bool libc = options_.backend() == resolver_backend::getaddrinfo;
        known = std::make_shared<question>(
            *this, key,
            libc ? std::vector<std::string>(1, name) : detail::candidates(name, conf_.domains, conf_.ndots), family);
        if (running_ < options_.most_in_flight()) {
            ++running_;
            known->ask_next();
        } else {
            line_.push_back(*known);
        }
    }
    return known;
}

/// Those who wait for it, if any, own it; here it is forgotten.
void resolver::state::over(question& q, bool was_running) noexcept {
    const std::shared_ptr<question> kept = std::move(questions_.extract(q.key()).mapped());
    q.unlink();
    while (!q.waiting_.empty())
        wake(q.waiting_.front());
    running_ -= was_running;
    // The next one starts on the loop's next turn: when all are being killed, none needs to.
    if (was_running && !line_.empty() && !armed())
        loop::current().timers().arm(*this, time_point::min());
}

void resolver::state::start_some(timer& t) noexcept {
    auto& self = static_cast<state&>(t);
    while (!self.line_.empty() && self.running_ < self.options_.most_in_flight()) {
        ++self.running_;
        self.line_.pop_front().ask_next();
    }
}

// --- the public face ---------------------------------------------------------------------------------

resolver::resolver() : state_(std::make_shared<state>(resolver_options())) {}
resolver::~resolver() = default;

resolver_backend resolver_options::default_backend() noexcept {
    static const char* const chosen = std::getenv("RINGLET_RESOLVER");
    return chosen != nullptr && std::string_view(chosen) == "getaddrinfo" ? resolver_backend::getaddrinfo
                                                                          : resolver_backend::cares;
}

resolver& resolver::current() { return loop::current().service<resolver>(); }

void resolver::configure(resolver_options options) { state_ = std::make_shared<state>(std::move(options)); }

task<std::vector<address>> resolver::resolve(std::string host, std::uint16_t port, resolve_options options) {
    throw_if_canceled();
    std::string_view bare = host;
    if (bare.starts_with('[') && bare.ends_with(']'))
        bare = bare.substr(1, bare.size() - 2);
    if (const auto numeric = address::try_ip(bare, port)) {
        if (options.family() != AF_UNSPEC && options.family() != numeric->family())
            throw resolve_error(host, resolve_errc::no_addresses);
        co_return std::vector<address>(1, *numeric);
    }
    std::string reason;
    const std::string name = lower_case(ascii::is_ascii(host) ? host : detail::to_ascii_name(host, reason));
    if (!is_host_name(name))
        throw resolve_error(host, resolve_errc::bad_name);

    const std::shared_ptr<state> self = state_;
    const std::string plain = name.ends_with('.') ? name.substr(0, name.size() - 1) : name;
    if (std::vector<address> found = self->local(plain, options.family()); !found.empty())
        co_return with_port(std::move(found), port);
    if (is_localhost(plain))
        throw resolve_error(host, resolve_errc::no_addresses);

    self->read_settings();
    const time_point asked = loop::current().fresh_now();
    const std::string key = name + '/' + std::to_string(options.family());
    detail::name_answer answer;
    if (const detail::name_answer* known = self->remembered(key)) {
        answer = *known;
    } else {
        const std::shared_ptr<question> q = self->ask(key, name, options.family());
        co_await answer_awaiter(*q);
        answer = q->answer();
    }
    if (answer.error == resolve_errc::timed_out)
        throw resolve_error(host, answer.error, loop::current().now() - asked);
    if (answer.error)
        throw resolve_error(host, answer.error);
    co_return with_port(std::move(answer.addresses), port);
}

task<std::vector<address>> resolve(std::string host, std::uint16_t port, resolve_options options) {
    return resolver::current().resolve(std::move(host), port, options);
}

}  // namespace ringlet::net
