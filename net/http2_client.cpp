// A client's connection as its pool sees it.
#include <ringlet/net/http2_session_private.hpp>

namespace ringlet::http::detail {
namespace {

class client_connection final : public http2_client {
public:
    client_connection(io::any_stream stream, bool secure, const http2_limits& most)
        : session_(std::make_shared<http2_session>(std::move(stream), most, false, secure)) {
        session_->on_change = [this] {
            if (on_change)
                on_change();
        };
        session_->greet();
    }
    client_connection(const client_connection&) = delete;
    client_connection& operator=(const client_connection&) = delete;
    ~client_connection() override {
        session_->on_change = nullptr;
        session_->close();
    }

    std::unique_ptr<http2_stream> open() override { return std::make_unique<session_stream>(session_); }
    bool usable() const noexcept override { return session_->usable(); }
    bool settled() const noexcept override { return session_->settled(); }
    std::size_t room() const noexcept override {
        const std::size_t most = usable() ? session_->room() : 0;
        return most > users ? most - users : 0;
    }

private:
    std::shared_ptr<http2_session> session_;
};

}  // namespace

bool has_http2() noexcept { return true; }

std::shared_ptr<http2_client> make_http2_client(io::any_stream stream, bool secure, const http2_limits& most) {
    return std::make_shared<client_connection>(std::move(stream), secure, most);
}

}  // namespace ringlet::http::detail
