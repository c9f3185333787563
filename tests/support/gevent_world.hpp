#pragma once
// gevent's programs are main programs: a test that derives from this is one, in virtual time.

#include "counted.hpp"

#include <ringlet/core/gevent.hpp>

#include <gmock/gmock.h>

#include <functional>
#include <sstream>

namespace story {

class gevent_program : public counting {
protected:
    gevent_program();
    ~gevent_program() override;

    void TearDown() override;

    /// Seconds since it began.
    double now();

    void print(const std::string& line) { printed.push_back(line); }

    /// Python's print(): with a blank between, booleans and lists as Python writes them.
    template <class... X>
    void say(const X&... what) {
        std::ostringstream line;
        const char* blank = "";
        ((line << std::exchange(blank, " "), write(line, what)), ...);
        said += line.str() + '\n';
    }

    std::vector<std::string> printed;
    std::string said = "\n";  // as raw strings begin, R"(
    std::vector<std::string> reports;

private:
    template <class X>
    static void write(std::ostream& out, const X& x) {
        if constexpr (std::is_same_v<X, bool>) {
            out << (x ? "True" : "False");
        } else if constexpr (requires { typename X::value_type; } && !std::is_convertible_v<X, std::string>) {
            const char* comma = "[";
            for (auto&& each : x)
                out << std::exchange(comma, ", ") << each;
            out << (x.empty() ? "[]" : "]");
        } else {
            out << x;
        }
    }

    std::optional<ringlet::loop> loop_;
    ringlet::time_point begin_;
};

/// How `fn` ended by throwing: what it said, or the type of what is not a std::exception.
std::string thrown_by(const std::function<void()>& fn);

}  // namespace story
