// The header fields of one HTTP message: an ordered multimap with case-insensitive names, kept in one
// block of pooled memory, so that neither a reused object nor a copy of usual size allocates anything. Also
// the names that messages are made of: methods with their properties, and the reasons of statuses.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ringlet::http {

/// One field line; both are views into the fields object.
struct field {
    std::string_view name, value;
    friend bool operator==(const field&, const field&) = default;
};

/// Header or trailer fields (RFC 9110 section 5). Views and iterators are valid until the next change.
/// Names must be tokens, values must hold no CR, LF or NUL: whoever adds other ones would let foreign
/// text start a header of its own, so add and set throw std::invalid_argument and change nothing.
class fields {
public:
    fields() = default;
    fields(const fields& other);
    fields(fields&& other) noexcept { swap(other); }
    fields& operator=(fields other) noexcept {
        swap(other);
        return *this;
    }
    ~fields();
    fields(std::initializer_list<std::pair<std::string_view, std::string_view>> list);

    /// Appends a line, also when the name is there already. White space around the value is dropped.
    void add(std::string_view name, std::string_view value);
    /// Replaces every line of that name by this one, at the place of the first.
    void set(std::string_view name, std::string_view value);
    /// Returns how many lines went.
    std::size_t remove(std::string_view name);
    /// Empty again; the memory stays.
    void clear() noexcept { text_size_ = count_ = 0; }

    /// The first value of that name.
    std::optional<std::string_view> get(std::string_view name) const;
    std::string_view get_or(std::string_view name, std::string_view otherwise) const {
        return get(name).value_or(otherwise);
    }
    std::vector<std::string_view> get_all(std::string_view name) const;
    bool contains(std::string_view name) const { return get(name).has_value(); }
    std::size_t count(std::string_view name) const;
    /// Whether the comma-separated lists of that name contain `token`, as in ("connection", "close").
    bool has_token(std::string_view name, std::string_view token) const;

    std::size_t size() const { return count_; }
    bool empty() const { return count_ == 0; }
    field operator[](std::size_t i) const { return {name_of(at(i)), value_of(at(i))}; }

    class iterator {
    public:
        using iterator_category = std::input_iterator_tag;
        using value_type = field;
        using difference_type = std::ptrdiff_t;
        using pointer = void;
        using reference = field;
        iterator() = default;
        iterator(const fields* of, std::size_t at) : of_(of), at_(at) {}
        field operator*() const { return (*of_)[at_]; }
        iterator& operator++() { return ++at_, *this; }
        iterator operator++(int) { return {of_, at_++}; }
        friend bool operator==(const iterator&, const iterator&) = default;

    private:
        const fields* of_ = nullptr;
        std::size_t at_ = 0;
    };
    iterator begin() const { return {this, 0}; }
    iterator end() const { return {this, size()}; }

    friend bool operator==(const fields& a, const fields& b);

private:
    friend class parser;  // has its own, stricter or laxer, judgement of foreign lines

    struct entry {
        std::uint32_t start, name_size, value_size;  // the value follows its name
    };
    // The texts grow from the beginning of the block, the entries from its end, so that the first is last.
    entry& at(std::size_t i) const noexcept {
        return reinterpret_cast<entry*>(block_ + capacity_)[-1 - static_cast<std::ptrdiff_t>(i)];
    }
    std::string_view name_of(const entry& e) const { return {block_ + e.start, e.name_size}; }
    std::string_view value_of(const entry& e) const { return {block_ + e.start + e.name_size, e.value_size}; }
    std::size_t room() const noexcept { return capacity_ - text_size_ - count_ * sizeof(entry); }

    void swap(fields& other) noexcept {
        std::swap(block_, other.block_);
        std::swap(capacity_, other.capacity_);
        std::swap(text_size_, other.text_size_);
        std::swap(count_, other.count_);
    }
    fields with_room_for(std::size_t more) const;
    void append(std::string_view name, std::string_view value);
    void extend_last(std::string_view more);
    void erase(std::size_t i);
    void resize_value(std::size_t i, std::size_t size);

    char* block_ = nullptr;
    std::uint32_t capacity_ = 0, text_size_ = 0, count_ = 0;
};

/// The phrase of RFC 9110 section 15 and its registry for a status; empty if there is none.
std::string_view reason_of(int status) noexcept;

/// False for 1xx, 204 and 304, which end with their head whatever their fields say (RFC 9112 6.3).
constexpr bool status_has_body(int status) { return status >= 200 && status != 204 && status != 304; }

/// RFC 9110 section 9.2: repeating it has the effect of sending it once.
bool is_idempotent(std::string_view method) noexcept;
/// POST, PUT, PATCH: an empty body is announced by "Content-Length: 0" (RFC 9110 section 8.6).
bool expects_body(std::string_view method) noexcept;

}  // namespace ringlet::http
