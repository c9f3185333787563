#include "gevent_world.hpp"

#include <ringlet/core/report.hpp>
#include <ringlet/io/virtual_time.hpp>

namespace story {

gevent_program::gevent_program()
    : loop_(std::in_place, ringlet::io::make_virtual_time()), begin_(loop_->fresh_now()) {
    ringlet::set_report_sink([this](std::string_view text) { reports.emplace_back(text); });
}

gevent_program::~gevent_program() { ringlet::set_report_sink(nullptr); }

void gevent_program::TearDown() {
    loop_.reset();
    counting::TearDown();
}

double gevent_program::now() { return std::chrono::duration<double>(loop_->fresh_now() - begin_).count(); }

std::string thrown_by(const std::function<void()>& fn) {
    try {
        fn();
        return "nothing";
    } catch (const ringlet::gevent::Timeout& t) {
        return "Timeout: " + t.str();
    } catch (const std::exception& e) {
        return e.what();
    } catch (const ringlet::canceled&) {
        return "canceled";
    }
}

}  // namespace story
