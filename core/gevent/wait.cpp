#include <ringlet/core/gevent/wait.hpp>

#include <stdexcept>

namespace ringlet::gevent {

bool wait(interval timeout) {
    loop& l = hub();
    if (&l.running() != &l.main())
        throw std::logic_error("wait: only the main program can wait for everything to end");
    return l.run_rest(timeout.infinite() ? never : after(l.fresh_now(), timeout.length()));
}

void killall(std::vector<AnyGreenlet> greenlets, std::exception_ptr exception, bool block, interval timeout) {
    const Timeout limit = Timeout::start_new(block ? timeout : interval());
    std::vector<AnyGreenlet> alive = raise_in(std::move(greenlets), exception, block);
    if (!block)
        return;
    // When that ended all of them, the killer goes on before their links are called.
    std::erase_if(alive, [](const AnyGreenlet& g) { return g.dead(); });
    if (!alive.empty())
        joinall(alive);
}

}  // namespace ringlet::gevent
