#include <ringlet/core/group.hpp>

#include <ringlet/core/report.hpp>

#include <algorithm>
#include <iterator>

namespace ringlet {
namespace {

void forget(greenlet_base& child) noexcept {
    (void)child.error();  // it is among the group's
    child.release();
}

}  // namespace

group_error::group_error(std::vector<std::exception_ptr> errors)
    : std::runtime_error([&errors] {
          std::string text = std::to_string(errors.size()) + " greenlets of a group failed:";
          for (const std::exception_ptr& e : errors)
              text += "\n    " + describe(e);
          return text;
      }()),
      errors_(std::move(errors)) {}

group::~group() { check(children_.empty(), "a group ends after its greenlets"); }

void group::make_room() {
    if (children_.size() < children_.capacity())
        return;
    const auto is_over = [](const greenlet_base* each) { return each->dead(); };
    std::vector<greenlet_base*> over;
    std::copy_if(children_.begin(), children_.end(), std::back_inserter(over), is_over);
    std::erase_if(children_, is_over);
    for (greenlet_base* each : over)
        forget(*each);  // whose result may do as it likes to the group
    // Twice as much: else a few who come and go among many who stay would make us search each time.
    const bool many_stay = children_.size() > children_.capacity() / 2;
    children_.reserve(many_stay ? 2 * children_.capacity() : children_.size() + 1);
}

void group::adopt(greenlet_base& child) {
    children_.push_back(&child);
    child.retain();
    if (scope_.cancelled())
        child.kill();
}

std::size_t group::alive() const noexcept {
    std::size_t count = 0;
    for (const greenlet_base* child : children_)
        count += !child->dead();
    return count;
}

void group::cancel() noexcept {
    scope_.cancel();
    for (greenlet_base* child : children_)
        child->kill();
}

void group::failed(std::exception_ptr error) {
    errors_.push_back(std::move(error));
    cancel();
}

void group::body_failed(std::exception_ptr error) {
    try {
        std::rethrow_exception(error);
    } catch (const canceled&) {
        if (!scope_.ends_here())
            canceled_ = error;
        cancel();
    } catch (...) {
        failed(std::move(error));
    }
}

task<> group::drain() {
    while (!children_.empty()) {
        if (children_.back()->dead()) {
            greenlet_base& over = *children_.back();
            children_.pop_back();
            forget(over);  // whose result may spawn into the group
            continue;
        }
        join_awaiter end_of_child(*children_.back());
        if (scope_.cancelled()) {
            const shield until_all_are_gone;
            co_await end_of_child;
            continue;
        }
        try {
            co_await end_of_child;
        } catch (...) {  // cancelled from further out, or interrupted
            body_failed(std::current_exception());
        }
    }
}

void group::throw_errors(bool has_result) {
    if (errors_.size() == 1)
        std::rethrow_exception(errors_.front());
    if (!errors_.empty())
        throw group_error(std::move(errors_));
    if (canceled_)
        std::rethrow_exception(canceled_);
    if (!has_result)
        throw std::runtime_error("with_group: the group was cancelled before its body gave a result");
}

}  // namespace ringlet
