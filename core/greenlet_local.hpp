#pragma once
// greenlet_local<T>: a variable of which every greenlet has its own, made at first use and freed when
// the greenlet is over or the variable goes. The main program counts as a greenlet. With inherit::yes a
// spawned greenlet begins with a copy of what its spawner has, and so does a call on another thread
// (offload.hpp, futures.hpp), whose values go with it.

#include <ringlet/core/greenlet_base.hpp>
#include <ringlet/core/hub.hpp>
#include <ringlet/core/take_out.hpp>

#include <functional>
#include <memory>
#include <utility>
#include <vector>

namespace ringlet {

enum class inherit : bool { no, yes };

/// One greenlet's value of one variable: owned by the greenlet, and in the list of the variable. That of a
/// call on another thread is in no list, since the variable belongs to the loop, and has no owner.
class local_value : public hook {
public:
    explicit local_value(const void* variable, greenlet_base* owner) noexcept : variable_(variable), owner_(owner) {}
    virtual ~local_value() { unlink(); }

    const void* variable() const noexcept { return variable_; }
    greenlet_base& owner() const noexcept { return *owner_; }

    /// A copy for a child of the owner; null when it is not inherited.
    virtual std::unique_ptr<local_value> for_child(greenlet_base& child) const = 0;
    /// The same for a call.
    virtual std::unique_ptr<local_value> for_call() const = 0;

private:
    const void* variable_;
    greenlet_base* owner_;
};

/// What a call on another thread sees while it runs there.
class locals_of_call {
public:
    explicit locals_of_call(std::vector<std::unique_ptr<local_value>> carried) noexcept
        : values_(std::move(carried)), before_(std::exchange(here_, this)) {}
    locals_of_call(const locals_of_call&) = delete;
    locals_of_call& operator=(const locals_of_call&) = delete;
    ~locals_of_call() { here_ = before_; }

    /// Null where a loop is, or no call runs.
    static locals_of_call* here() noexcept { return loop::current_or_null() == nullptr ? here_ : nullptr; }

    local_value* find(const void* variable) const noexcept {
        for (const auto& each : values_)
            if (each->variable() == variable)
                return each.get();
        return nullptr;
    }
    void add(std::unique_ptr<local_value> value) { values_.push_back(std::move(value)); }
    void remove(const void* variable) noexcept {
        detail::take_out(values_, [=](const local_value& each) { return each.variable() == variable; });
    }

private:
    static inline thread_local locals_of_call* here_ = nullptr;

    std::vector<std::unique_ptr<local_value>> values_;
    locals_of_call* before_;
};

template <class T>
class greenlet_local {
public:
    /// Values begin as T().
    explicit greenlet_local(inherit how = inherit::no)
        requires std::default_initializable<T>
        : greenlet_local([] { return T(); }, how) {}

    /// Values begin as what make() gives, in the greenlet that asks first.
    explicit greenlet_local(std::function<T()> make, inherit how = inherit::no)
        : make_(std::move(make)), inherited_(how == inherit::yes) {}

    greenlet_local(const greenlet_local&) = delete;
    greenlet_local& operator=(const greenlet_local&) = delete;

    /// Frees the values that greenlets still have of it.
    ~greenlet_local() {
        while (!values_.empty())
            values_.front().owner().remove_local(this);
    }

    /// The value of the greenlet, or call, that runs now.
    T& get() {
        if (locals_of_call* const call = locals_of_call::here())
            return get_of(*call);
        greenlet_base& g = hub().running();
        if (local_value* found = g.find_local(this))
            return static_cast<value&>(*found).content;
        auto made = std::make_unique<value>(*this, g, make_());
        T& content = made->content;
        g.add_local(std::move(made));
        return content;
    }
    T& operator*() { return get(); }
    T* operator->() { return &get(); }

    /// Whether the greenlet, or call, that runs now has one.
    bool has_value() const noexcept {
        if (const locals_of_call* call = locals_of_call::here())
            return call->find(this) != nullptr;
        const loop* l = loop::current_or_null();
        return l != nullptr && l->running().find_local(this) != nullptr;
    }

    /// Frees the value of the greenlet, or call, that runs now.
    void reset() noexcept {
        if (locals_of_call* call = locals_of_call::here())
            call->remove(this);
        else
            hub().running().remove_local(this);
    }

private:
    struct value final : local_value {
        value(greenlet_local& of, greenlet_base& owner, T first)
            : local_value(&of, &owner), home(of), content(std::move(first)) {
            of.values_.push_back(*this);
        }
        value(greenlet_local& of, T first) : local_value(&of, nullptr), home(of), content(std::move(first)) {}
        std::unique_ptr<local_value> for_child(greenlet_base& child) const override {
            if constexpr (std::is_copy_constructible_v<T>)
                if (home.inherited_)
                    return std::make_unique<value>(home, child, content);
            return nullptr;
        }
        std::unique_ptr<local_value> for_call() const override {
            if constexpr (std::is_copy_constructible_v<T>)
                if (home.inherited_)
                    return std::make_unique<value>(home, content);
            return nullptr;
        }
        greenlet_local& home;
        T content;
    };

    T& get_of(locals_of_call& call) {
        if (local_value* found = call.find(this))
            return static_cast<value&>(*found).content;
        auto made = std::make_unique<value>(*this, make_());
        T& content = made->content;
        call.add(std::move(made));
        return content;
    }

    std::function<T()> make_;
    bool inherited_;
    list<local_value> values_;
};

}  // namespace ringlet
