#pragma once
// gevent's programs are main programs: a test that derives from this is one, in virtual time.

#include "counted.hpp"

#include <ringlet/core/gevent.hpp>
#include <ringlet/core/report.hpp>
#include <ringlet/io/virtual_time.hpp>

#include <gmock/gmock.h>

namespace story {

class gevent_program : public counting {
protected:
    gevent_program() : loop_(std::in_place, ringlet::io::make_virtual_time()) {
        ringlet::set_report_sink([this](std::string_view text) { reports.emplace_back(text); });
    }
    ~gevent_program() override { ringlet::set_report_sink(nullptr); }

    void TearDown() override {
        loop_.reset();
        counting::TearDown();
    }

    /// Seconds since it began.
    double now() { return std::chrono::duration<double>(loop_->fresh_now() - begin_).count(); }

    void print(const std::string& line) { printed.push_back(line); }

    std::vector<std::string> printed;
    std::vector<std::string> reports;

private:
    std::optional<ringlet::loop> loop_;
    ringlet::time_point begin_ = loop_->fresh_now();
};

/// How `fn` ended by throwing: what it said, or the type of what is not a std::exception.
template <class Fn>
std::string thrown_by(Fn fn) {
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
