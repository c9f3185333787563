#pragma once
// greenlet_local<T>: a variable of which every greenlet has its own, made at first use and freed when
// the greenlet is over or the variable goes. The main program counts as a greenlet. With inherit::yes a
// spawned greenlet begins with a copy of what its spawner has.

#include <ringlet/core/greenlet_base.hpp>
#include <ringlet/core/hub.hpp>

#include <functional>
#include <memory>

namespace ringlet {

enum class inherit : bool { no, yes };

/// One greenlet's value of one variable: owned by the greenlet, and in the list of the variable.
class local_value : public hook {
public:
    explicit local_value(const void* variable, greenlet_base& owner) noexcept
        : variable_(variable), owner_(owner) {}
    virtual ~local_value() { unlink(); }

    const void* variable() const noexcept { return variable_; }
    greenlet_base& owner() const noexcept { return owner_; }

    /// A copy for a child of the owner; null when it is not inherited.
    virtual std::unique_ptr<local_value> for_child(greenlet_base& child) const = 0;

private:
    const void* variable_;
    greenlet_base& owner_;
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

    /// The value of the greenlet that runs now.
    T& get() {
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

    /// Whether the greenlet that runs now has one.
    bool has_value() const noexcept {
        const loop* l = loop::current_or_null();
        return l != nullptr && l->running().find_local(this) != nullptr;
    }

    /// Frees the value of the greenlet that runs now.
    void reset() noexcept { hub().running().remove_local(this); }

private:
    struct value final : local_value {
        value(greenlet_local& of, greenlet_base& owner, T first)
            : local_value(&of, owner), home(of), content(std::move(first)) {
            of.values_.push_back(*this);
        }
        std::unique_ptr<local_value> for_child(greenlet_base& child) const override {
            if constexpr (std::is_copy_constructible_v<T>)
                if (home.inherited_)
                    return std::make_unique<value>(home, child, content);
            return nullptr;
        }
        greenlet_local& home;
        T content;
    };

    std::function<T()> make_;
    bool inherited_;
    list<local_value> values_;
};

}  // namespace ringlet
