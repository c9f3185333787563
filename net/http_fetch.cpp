// One request: which connection it takes, what is sent, and what its answer leads to.
#include <ringlet/core/group.hpp>
#include <ringlet/core/sleep.hpp>
#include <ringlet/core/timeout.hpp>
#include <ringlet/core/timers.hpp>
#include <ringlet/net/http_client_private.hpp>
#include <ringlet/net/http_redirects_private.hpp>
#include <ringlet/net/http_request_body_private.hpp>
#include <ringlet/net/http_writer.hpp>
#include <ringlet/net/url_host_private.hpp>

#include <algorithm>
#include <concepts>
#include <stdexcept>

namespace ringlet::http {
namespace {

using stage = request_error::stage;

// A body that is small enough goes out together with its head.
constexpr std::size_t small_body = 16 * 1024;

// Requests at the same moment are many, but of most the head has been sent.
constexpr std::size_t most_spare_heads = 64;

// A connection that the server has closed costs one; one that it is about to close may refuse some.
constexpr unsigned most_tries = 4;

// What is read of a redirect, or of an answer that asks to come again, to keep its connection.
constexpr std::uint64_t most_read_on_the_way = 256 * 1024;

// What leaves within that time needs nobody who listens meanwhile.
constexpr duration soon = 10ms;

/// While a body is being sent: a server that has no use for it may say so, and read no more.
class listening : timer {
public:
    /// Begins when that has taken a while, as a greenlet of the group, which it ends.
    listening(group& among, connection& to, bool& refused)
        : timer(&begin), among_(among), connection_(to), refused_(refused) {
        loop::current().timers().arm(*this, after(loop::current().now(), soon));
    }
    listening(const listening&) = delete;
    listening& operator=(const listening&) = delete;
    ~listening() {
        if (armed())
            loop::current().timers().disarm(*this);
    }

private:
    static void begin(timer& t) noexcept {
        const auto& self = static_cast<listening&>(t);
        self.among_.spawn(&listen, &self.among_, &self.connection_, &self.refused_);
    }
    static task<> listen(group* among, connection* to, bool* refused) {
        co_await to->read_refusal();
        *refused = true;
        among->cancel();
    }

    group& among_;
    connection& connection_;
    bool& refused_;
};

}  // namespace

fetching::fetching(std::shared_ptr<detail::client_core> core, std::string&& method, std::string&& url,
                   std::unique_ptr<own_options> own)
    : core_(std::move(core)),
      own_(std::move(own)),
      options_(own_ ? own_->options : nothing_special()),
      method_(std::move(method)),
      to_(detail::target::parse(method_,
                                options_.params.empty() ? std::move(url) : with_params(url, options_.params))),
      times_(options_.timeouts.value_or(core_->options.timeouts)),
      retries_(options_.retries ? *options_.retries : core_->options.retries),
      backoff_(retries_.backoff),
      until_(after(loop::current().now(), times_.total)),
      auth_(options_.auth),
      auth_given_(!auth_.empty()),
      decompress_(options_.decompress.value_or(core_->options.decompress)),
      jar_(options_.cookies.value_or(core_->options.cookies).get()),
      most_(options_.body_limit.value_or(core_->options.limits.body)) {
    if (!core_->spare_heads.empty()) {
        head_ = std::move(core_->spare_heads.back());
        core_->spare_heads.pop_back();
    }
}

fetching::~fetching() {
    if (core_->spare_heads.size() < most_spare_heads && head_.capacity() <= 4096)
        core_->spare_heads.push_back(std::move(head_));
}

const request_options& fetching::nothing_special() {
    static const request_options none;
    return none;
}

template <class Answer>
task<Answer> fetching::run(std::shared_ptr<detail::client_core> core, std::string method, std::string url,
                           std::unique_ptr<own_options> own) {
    fetching f(std::move(core), std::move(method), std::move(url), std::move(own));
    for (;;) {
        std::optional<incoming> in;
        const time_point start = loop::current().now();
        try {
            in.emplace(f.received(co_await f.exchange(), start));
        } catch (const std::system_error& e) {
            if (!f.worth_another(e))
                detail::rethrow_as_request_error(stage::exchange, f.method_, f.to_.text());
        }
        if (in && !f.asks_for_patience(*in)) {
            if (f.leads_on(*in)) {
                co_await f.follow(*std::move(in));
                continue;
            }
            in->state_->history = std::move(f.history_);
            in->state_->url = std::move(f.to_).text();
            if constexpr (std::same_as<Answer, reply>) {
                reply whole;
                if (!in->take_reply(whole, UINT64_MAX)) {
                    if (f.own_)
                        f.own_->options.body = {};  // the memory may be needed for the other one
                    co_await in->rest_of_reply(whole, UINT64_MAX);
                }
                co_return whole;
            } else {
                co_return *std::move(in);
            }
        }
        if (in) {
            auto rest = in->read_all(most_read_on_the_way);
            (void)co_await as_result(std::move(rest));  // if it cannot be read, its connection goes
            in.reset();
        }
        ++f.tries_;
        f.backoff_ = 2 * std::min<duration>(f.backoff_, f.retries_.longest_wait / 2);
        co_await sleep_for(f.wait_);
    }
}

template task<incoming> fetching::run(std::shared_ptr<detail::client_core>, std::string, std::string,
                                      std::unique_ptr<own_options>);
template task<reply> fetching::run(std::shared_ptr<detail::client_core>, std::string, std::string,
                                   std::unique_ptr<own_options>);

// --- redirects ---------------------------------------------------------------------------------------

bool fetching::leads_on(const incoming& in) const {
    return detail::is_redirect(in.status()) && !in.fields().get_or("location", {}).empty() && most_redirects() > 0;
}

unsigned fetching::most_redirects() const { return options_.redirects.value_or(core_->options.redirects); }

task<> fetching::follow(incoming in) {
    in.state_->url = to_.text();
    if (history_.size() >= most_redirects())
        refuse(stage::redirects, std::errc::too_many_symbolic_link_levels,
               "more than " + std::to_string(most_redirects()) + " redirects");
    const int status = in.status();
    const std::string location(in.fields().get_or("location", {}));
    std::optional<detail::target> next;
    try {
        next = to_.follow(method_, location);
    } catch (const net::url_error& e) {
        refuse(stage::url, std::errc::invalid_argument, std::string("redirected: ") + e.what());
    }
    // A body that is too large, or never ends, costs the connection but not the redirect.
    auto whole = in.read_reply(most_read_on_the_way);
    auto read = co_await as_result(std::move(whole));
    reply step;
    if (read) {
        step = std::move(*read);
    } else {
        if (read.error() == std::errc::timed_out)
            (void)read.value();  // throws it
        step.status = status;
        step.reason = in.reason();
        step.version = in.version();
        step.fields = in.fields();
        step.url = in.url();
        step.elapsed = in.elapsed();
    }
    history_.push_back(std::move(step));

    const std::string_view method = detail::method_after(status, method_, options_.redirected);
    const bool without_body = detail::takes_body_away(status, method_, options_.redirected);
    const bool other_origin = next->origin() != to_.origin();
    if (without_body && own_)
        own_->options.body = {};
    else if (!repeatable())
        refuse(
            stage::redirects, std::errc::operation_not_supported,
            "redirected to " + net::detail::without_password(next->text()) + ", but the body can be sent only once");
    if (own_)
        detail::strip_fields(own_->options.fields, other_origin, without_body);
    if (other_origin) {
        auth_ = {};
        auth_given_ = false;
    }
    method_ = method;
    to_ = *std::move(next);
    tries_ = 0;
    backoff_ = retries_.backoff;
}

// --- again and again ---------------------------------------------------------------------------------

bool fetching::repeatable() const { return options_.body.repeatable(); }

/// After a failure; `wait_` says when.
bool fetching::worth_another(const std::system_error& failure) {
    if (tries_ == retries_.most || after(loop::current().now(), backoff_) > until_)
        return false;
    wait_ = backoff_;
    const auto* said = dynamic_cast<const request_error*>(&failure);
    const stage at = said != nullptr ? said->at() : stage::exchange;
    if (at == stage::connect)
        return true;
    if (at != stage::exchange || !is_idempotent(method_) || !repeatable())
        return false;
    // A reply that breaks the rules will do so again; one that broke off may not.
    const std::error_code code = failure.code();
    return code.category() != http_category() || code == errc::closed_before_head || code == errc::closed_in_head ||
           code == errc::closed_in_body;
}

/// After an answer; `wait_` says how much. Where that would be too much the answer is as good as another.
bool fetching::asks_for_patience(const incoming& in) {
    if (tries_ == retries_.most || !is_idempotent(method_) || !repeatable() ||
        std::ranges::count(retries_.statuses, in.status()) == 0)
        return false;
    wait_ = detail::retry_after(in.fields(), std::time(nullptr)).value_or(backoff_);
    return wait_ <= retries_.longest_wait && after(loop::current().now(), wait_) <= until_;
}

// --- one exchange ------------------------------------------------------------------------------------

incoming fetching::received(lease l, time_point start) {
    auto s = std::make_unique<incoming::state>();
    s->lease = std::move(l);
    s->method = method_;
    s->elapsed = loop::current().now() - start;
    const fields& f = s->lease->head().fields();
    if (jar_)
        jar_->take(f, to_.url());
    if (decompress_ && f.contains("content-encoding")) {
        std::string codings;
        for (const std::string_view each : f.get_all("content-encoding"))
            codings.append(codings.empty() ? "" : ",").append(each);
        s->undo = decompressor::make(codings, most_);
    }
    return incoming(std::move(s));
}

/// Awaitable: the connection on which the head of the response has come.
task<fetching::lease> fetching::exchange() {
    sending_body body(options_.body);
    if (options_.body.plain() == nullptr)
        co_await body.open();
    choose_proxy();
    write_head(body);
    const bool harmless = is_idempotent(method_) && repeatable();
    std::string room;
    const std::string_view to = place(room);
    lease c = core_->pool->take_now(to, may_share());
    if (!c.is_right())
        c = co_await leased(to);
    for (unsigned tries = 1;; ++tries) {
        // What must not be sent twice goes only where somebody surely listens.
        if (c && (!harmless || c->rested()) && !co_await c->quiet())
            co_await replace(c, to);
        const bool reused = static_cast<bool>(c);
        if (!reused)
            co_await connect(c);
        c->set_timeouts(times_, until_);
        c->set_body_limit(most_);
        std::exception_ptr failure;
        try {
            co_await converse(*c, body);
            co_return c;
        } catch (const timeout_error&) {
            throw;
        } catch (const request_error&) {
            throw;  // it was not the server that failed, but the source of the body
        } catch (const std::system_error&) {
            failure = std::current_exception();
        }
        const bool untouched = c->refused() && repeatable();
        const bool unheard = reused && harmless && !c->answered();
        if (tries == most_tries || !(untouched || unheard))
            std::rethrow_exception(failure);
        co_await replace(c, to);
    }
}

task<> fetching::converse(connection& with, sending_body& body) {
    return options_.body.empty() ? with.exchange(method_, head_) : upload(with, body);
}

task<> fetching::upload(connection& with, sending_body& body) {
    std::exception_ptr unsent;
    try {
        bool refused = false;
        const auto send = [&](group& g) -> task<> {
            const listening meanwhile(g, with, refused);
            co_await send_all(with, body);
            g.cancel();
        };
        co_await with_group(send);
        if (refused)
            with.stop_sending();
    } catch (const timeout_error&) {
        if (!with.head_came() || !with.write_failed())
            throw;  // or it was the source of the body that took too long
        with.stop_sending();  // it does not want the rest, though it did not say so
    } catch (const std::system_error&) {
        if (!with.write_failed())
            detail::rethrow_as_request_error(stage::exchange, method_, to_.text());
        unsent = std::current_exception();  // the server may have answered before it closed
    }
    try {
        co_await with.read_head();
    } catch (const std::system_error&) {
        if (unsent)
            std::rethrow_exception(unsent);
        throw;
    }
}

task<> fetching::send_all(connection& to, sending_body& body) {
    co_await to.send(method_, head_);
    if (!goes_with_head())
        co_await body.send(to);
}

bool fetching::goes_with_head() const {
    const std::string* plain = options_.body.plain();
    return plain != nullptr && plain->size() <= small_body;
}

void fetching::write_head(sending_body& body) {
    head_.clear();
    try {
        const std::string whole =
            asks_proxy() ? "http://" + std::string(to_.url().authority()) + std::string(to_.url().target()) : "";
        const std::string_view asked = whole.empty() ? to_.url().target() : whole;
        std::string room;
        append_request(head_, method_, asked, to_.url().authority(), options_.fields, body.size(), head_lines(room));
    } catch (const std::invalid_argument& e) {
        refuse(stage::url, std::errc::invalid_argument, e.what());
    }
    if (goes_with_head())
        head_ += *options_.body.plain();
}

/// The lines that every request gets unless it has its own; in `room` if they are not the usual ones.
std::string_view fetching::head_lines(std::string& lines) {
    const detail::client_core& core = *core_;
    const fields& f = options_.fields;
    if (f.empty()) {
        const std::string& usual = decompress_ ? core.usual_lines : core.usual_identity;
        if (auth_.empty() && !via_ && to_.url().username().empty() && to_.url().password().empty() &&
            (!jar_ || jar_->empty()))
            return usual;
        lines = usual;
    } else {
        if (!f.contains("accept"))
            lines += "Accept: */*\r\n";
        if (!core.options.user_agent.empty() && !f.contains("user-agent"))
            lines.append("User-Agent: ").append(core.options.user_agent).append("\r\n");
        if (decompress_ && !supported_codings().empty() && !f.contains("accept-encoding"))
            lines.append("Accept-Encoding: ").append(supported_codings()).append("\r\n");
    }
    const net::url& url = to_.url();
    // A redirect may have led to a url without: then those of the one before are still good, at this origin.
    if (!auth_given_ && !(url.username().empty() && url.password().empty()))
        auth_ = credentials::basic(net::detail::percent_decode(url.username()),
                                   net::detail::percent_decode(url.password()));
    if (!auth_.empty() && !f.contains("authorization"))
        lines.append("Authorization: ").append(auth_.value()).append("\r\n");
    if (asks_proxy() && !via_->username().empty())
        lines.append("Proxy-Authorization: ")
            .append(credentials::basic(via_->username(), via_->password()).value())
            .append("\r\n");
    if (jar_ && !jar_->empty() && !f.contains("cookie"))
        if (const std::string cookies = jar_->line_for(url); !cookies.empty())
            lines.append("Cookie: ").append(cookies).append("\r\n");
    return lines;
}

void fetching::refuse(stage at, std::errc code, const std::string& why) const {
    throw request_error(at, method_, to_.text(), std::make_error_code(code), why);
}

}  // namespace ringlet::http
