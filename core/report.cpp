#include <ringlet/core/report.hpp>

#include <ringlet/core/greenlet_base.hpp>

#include <cxxabi.h>
#include <cstdio>
#include <cstdlib>

namespace ringlet {
namespace {

std::function<void(std::string_view)>& sink() {
    // Never destroyed: greenlets of static lifetime may have something to say at exit.
    static auto& chosen = *new std::function<void(std::string_view)>;
    return chosen;
}

std::string readable_type(const std::type_info& type) {
    int status = 0;
    char* text = abi::__cxa_demangle(type.name(), nullptr, nullptr, &status);
    std::string name = status == 0 ? text : type.name();
    std::free(text);
    return name;
}

}  // namespace

std::function<void(std::string_view)> set_report_sink(std::function<void(std::string_view)> chosen) {
    return std::exchange(sink(), std::move(chosen));
}

void report(std::string_view text) noexcept {
    if (sink()) {
        sink()(text);
        return;
    }
    std::fprintf(stderr, "ringlet: %.*s\n", static_cast<int>(text.size()), text.data());
}

std::string describe(const std::exception_ptr& error) {
    try {
        std::rethrow_exception(error);
    } catch (const std::exception& e) {
        return readable_type(typeid(e)) + ": " + e.what();
    } catch (const base_exception& e) {
        return readable_type(typeid(e)) + ": " + e.str();
    } catch (...) {
        const std::type_info* type = abi::__cxa_current_exception_type();
        return type != nullptr ? readable_type(*type) : "an unknown exception";
    }
}

std::string describe(std::source_location where) {
    if (where.line() == 0)
        return "";
    return std::string(where.file_name()) + ":" + std::to_string(where.line()) + " in " + where.function_name();
}

void report_unhandled(const greenlet_base& g, const std::exception_ptr& error) noexcept {
    std::string text = g.name() + " died of an error that nobody asked for: " + describe(error);
    if (const std::string where = describe(g.spawned_at()); !where.empty())
        text += "\n    spawned at " + where;
    report(text);
}

}  // namespace ringlet
