// The resolver's backend in a build that has none: what is numeric or in the hosts file never gets
// here, and for everything else the answer is that nobody can be asked.
#include <ringlet/net/name_query_private.hpp>

#include <ringlet/core/loop.hpp>
#include <ringlet/net/resolve_error.hpp>

namespace ringlet::net::detail {
namespace {

class refusal final : public name_query, private timer {
public:
    explicit refusal(name_asker& asker) : timer(&fire), asker_(asker) {
        loop& l = loop::current();
        l.timers().arm(*this, l.now());
    }
    ~refusal() override { loop::current().timers().disarm(*this); }

private:
    static void fire(timer& t) noexcept {
        name_answer no;
        no.error = resolve_errc::no_backend;
        static_cast<refusal&>(t).asker_.answered(std::move(no));
    }

    name_asker& asker_;
};

}  // namespace

std::unique_ptr<name_query> ask(const std::string&, int, const query_settings&, name_asker& asker) {
    return std::make_unique<refusal>(asker);
}

}  // namespace ringlet::net::detail
