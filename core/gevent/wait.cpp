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
    const std::vector<AnyGreenlet> killed = raise_in(std::move(greenlets), exception, block);
    if (block)
        joinall(killed);
}

}  // namespace ringlet::gevent
