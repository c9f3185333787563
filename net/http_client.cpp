#include <ringlet/net/http_client.hpp>

#include <ringlet/core/hub.hpp>
#include <ringlet/net/http_client_private.hpp>

namespace ringlet::http {
namespace detail {

client_core::client_core(const client_options& o)
    : options(o),
      pool(std::make_shared<connection_pool>(
          pool_limits{o.per_origin, o.in_all, o.idle_per_origin, o.idle_in_all, o.idle}, o.limits)) {
    check(o.per_origin > 0 && o.in_all > 0, "an http client may have one connection at least");
    fields().add("User-Agent", o.user_agent);  // throws when it is no sound value
    if (!options.connect)
        options.connect = &connect_to;
    usual_identity = "Accept: */*\r\n";
    if (!o.user_agent.empty())
        usual_identity += "User-Agent: " + o.user_agent + "\r\n";
    usual_lines = usual_identity;
    if (!supported_codings().empty())
        usual_lines.append("Accept-Encoding: ").append(supported_codings()).append("\r\n");
}

}  // namespace detail

client::client(const client_options& options) : core_(std::make_shared<detail::client_core>(options)) {}
client::~client() = default;

std::size_t client::idle() const noexcept { return core_->pool->idle(); }
std::size_t client::in_use() const noexcept { return core_->pool->in_use(); }
void client::close_idle() noexcept { core_->pool->close_idle(); }
const std::shared_ptr<cookie_jar>& client::cookies() const noexcept { return core_->options.cookies; }

namespace {

std::unique_ptr<own_options> own(request_options&& options) {
    return std::make_unique<own_options>(std::move(options));
}

}  // namespace

task<incoming> client::open(std::string method, std::string url) {
    return fetching::run<incoming>(core_, std::move(method), std::move(url), nullptr);
}
task<incoming> client::open(std::string method, std::string url, request_options options) {
    return fetching::run<incoming>(core_, std::move(method), std::move(url), own(std::move(options)));
}
task<reply> client::fetch(std::string method, std::string url) {
    return fetching::run<reply>(core_, std::move(method), std::move(url), nullptr);
}
task<reply> client::fetch(std::string method, std::string url, request_options options) {
    return fetching::run<reply>(core_, std::move(method), std::move(url), own(std::move(options)));
}

client& shared_client() {
    struct service {
        service() : shared(options()) {}
        static client_options options() {
            client_options o;
            o.idle_per_origin = 1024;
            o.idle_in_all = 4096;
            o.cookies = nullptr;
            o.proxies = net::proxy_settings::from_environment();
            return o;
        }
        client shared;
    };
    return hub().service<service>().shared;
}

}  // namespace ringlet::http
