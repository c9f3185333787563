#pragma once
// What the runtime has to say when nobody asked: an error that no joiner saw, greenlets that block
// each other. It goes to a sink that the application can choose; stderr is the default.

#include <exception>
#include <functional>
#include <source_location>
#include <stdexcept>
#include <string>
#include <string_view>

namespace ringlet {

class greenlet_base;
class loop;

/// Where reports go, for the whole process. Set it before the first loop starts; an empty function
/// restores stderr. Gives the one before. It may be called on any thread that runs a loop and must not throw.
std::function<void(std::string_view)> set_report_sink(std::function<void(std::string_view)> sink);

void report(std::string_view text) noexcept;

/// Says once that a greenlet died of an error which nobody asked for.
void report_unhandled(const greenlet_base& g, const std::exception_ptr& error) noexcept;

/// What is thrown though it is no error, as Python's BaseException, and has something to say of itself.
class base_exception {
public:
    virtual ~base_exception() = default;
    virtual std::string str() const = 0;
};

/// "std::runtime_error: disk full"
std::string describe(const std::exception_ptr& error);

/// "file.cpp:12 in main()", or "" when unknown.
std::string describe(std::source_location where);

/// Nothing can ever wake the greenlets that are left. what() lists them.
class deadlock_error : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// What an error says of the greenlets that are left: a dump (dump.hpp) of at most a thousand, without
/// addresses and ages, so that it is the same text whenever the same happens.
std::string list_greenlets(loop& l);

}  // namespace ringlet
