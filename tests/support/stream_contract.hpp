#pragma once
// What every stream promises, told once and compiled once. A kind of stream is a type with
//     using stream = …;                             what is tested
//     static constexpr const char* name = "…";
//     static std::pair<stream, stream> make();      two that are each other's peers; may be a task
//     static void reset(stream&);                   loses the connection; its inbox has unread bytes
//     static constexpr bool tells_resets;           false where a reset looks like the end (pipes)
//     static constexpr bool stays_put = true;       if it must not move or go while somebody reads
// and is tested by
//     INSTANTIATE_TEST_SUITE_P(folder_file, stream_contract, testing::Values(kind_of<kind>()…), kind_name);

#include "stream_stories.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace story {

/// A stream that can move and go while somebody uses it, behind a reference that stays.
template <class S>
class anchored {
public:
    explicit anchored(S s) : places_(std::make_shared<std::pair<std::optional<S>, std::optional<S>>>()) {
        places_->first.emplace(std::move(s));
    }
    S& now() const { return places_->first ? *places_->first : *places_->second; }
    void move() const {
        places_->second.emplace(std::move(*places_->first));
        places_->first.reset();
    }
    void destroy() const { places_->first.reset(); }

    auto read(std::span<std::byte> into) { return now().read(into); }
    auto receive(std::size_t room)
        requires ringlet::io::receiving_stream<S>
    {
        return now().receive(room);
    }
    auto write_all(std::span<const std::byte> from) { return now().write_all(from); }
    auto shutdown() { return now().shutdown(); }
    void close() noexcept { now().close(); }
    std::string name() const { return now().name(); }

private:
    std::shared_ptr<std::pair<std::optional<S>, std::optional<S>>> places_;
};

/// A stream of any kind.
struct stream_end {
    auto read(std::span<std::byte> into) { return stream.read(into); }
    auto write_all(std::span<const std::byte> from) { return stream.write_all(from); }
    auto shutdown() { return stream.shutdown(); }
    void close() noexcept { stream.close(); }
    std::string name() const { return stream.name(); }

    ringlet::io::any_stream stream;
    std::function<void()> reset, move, destroy;
};

struct stream_kind {
    const char* name;
    task<std::pair<stream_end, stream_end>> (*make)();
    task<> (*plainly)();  // a few words with nothing between the story and the stream
    bool tells_resets;
    bool stays_put;
};

std::string kind_name(const testing::TestParamInfo<stream_kind>& kind);

class stream_contract : public testing::TestWithParam<stream_kind> {};

/// Two ends, however this kind makes them.
template <class Kind>
task<std::pair<typename Kind::stream, typename Kind::stream>> pair_of() {
    if constexpr (ringlet::awaitable<decltype(Kind::make())>)
        co_return co_await Kind::make();
    else
        co_return Kind::make();
}

template <class Kind>
stream_end end_of(typename Kind::stream s) {
    anchored one(std::move(s));
    stream_end end{one, [one] { Kind::reset(one.now()); }, {}, {}};
    if constexpr (!requires { Kind::stays_put; }) {
        end.move = [one] { one.move(); };
        end.destroy = [one] { one.destroy(); };
    }
    return end;
}

template <class Kind>
task<std::pair<stream_end, stream_end>> ends_of() {
    auto [one, other] = co_await pair_of<Kind>();
    co_return std::pair(end_of<Kind>(std::move(one)), end_of<Kind>(std::move(other)));
}

template <class Kind>
task<> talk_plainly() {
    auto [a, b] = co_await pair_of<Kind>();
    co_await write_text(a, "plain");
    EXPECT_EQ(co_await read_count(b, 5), "plain");
    co_await a.shutdown();
    EXPECT_EQ(co_await read_some(b), "");
    b.close();
    const auto refused = co_await as_result(b.read({}));
    EXPECT_EQ(refused.error(), std::errc::operation_canceled);
}

template <class Kind>
stream_kind kind_of() {
    return {Kind::name, &ends_of<Kind>, &talk_plainly<Kind>, Kind::tells_resets, requires {Kind::stays_put;
}
};  // namespace story
}

}  // namespace story
