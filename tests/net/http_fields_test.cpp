// Header fields: order, case, lists, what a name and a value may hold, and no memory when reused.
#include <ringlet/net/http_error.hpp>
#include <ringlet/net/http_fields.hpp>

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace net_http_fields_test {

using namespace ringlet;
using namespace std::string_view_literals;

TEST(http_fields, keep_their_order_and_ignore_the_case_of_names) {
    http::fields f{{"Host", "a"}, {"Set-Cookie", "1"}, {"set-cookie", "2"}};
    EXPECT_EQ(f.get("HOST"), "a");
    EXPECT_EQ(f.get("cookie"), std::nullopt);
    EXPECT_EQ(f.get_or("cookie", "none"), "none");
    EXPECT_EQ(f.get_all("SET-COOKIE"), (std::vector{"1"sv, "2"sv}));
    EXPECT_EQ(f.count("set-Cookie"), 2u);
    std::string seen;
    for (const auto [name, value] : f)
        seen += std::string(name) + '=' + std::string(value) + ';';
    EXPECT_EQ(seen, "Host=a;Set-Cookie=1;set-cookie=2;");
}

TEST(http_fields, set_replaces_in_place_and_remove_forgets) {
    http::fields f{{"a", "1"}, {"B", "2"}, {"a", "3"}, {"c", "4"}};
    f.set("A", "longer than before");
    EXPECT_EQ(f, (http::fields{{"a", "longer than before"}, {"B", "2"}, {"c", "4"}}));
    f.set("b", "");
    f.set("new", "x");
    EXPECT_EQ(f, (http::fields{{"a", "longer than before"}, {"B", ""}, {"c", "4"}, {"new", "x"}}));
    EXPECT_EQ(f.remove("A"), 1u);
    EXPECT_EQ(f.remove("A"), 0u);
    EXPECT_EQ(f, (http::fields{{"B", ""}, {"c", "4"}, {"new", "x"}}));
}

TEST(http_fields, take_views_into_themselves) {
    http::fields f{{"name", "some value that is not short"}};
    for (int i = 0; i < 100; ++i)
        f.add(f[0].name, f[0].value);
    EXPECT_EQ(f[100].value, "some value that is not short");
    f.set(f[50].name, f[50].value);
    EXPECT_EQ(f.size(), 1u);
    EXPECT_EQ(f.remove(f[0].name), 1u);
}

TEST(http_fields, know_the_tokens_of_lists) {
    const http::fields f{{"Connection", "Keep-Alive ,, upgrade"}, {"connection", "\tTE"}};
    for (const auto token : {"keep-alive", "Upgrade", "te"})
        EXPECT_TRUE(f.has_token("connection", token)) << token;
    for (const auto token : {"keep", "close", "alive ,"})
        EXPECT_FALSE(f.has_token("connection", token)) << token;
    EXPECT_FALSE(f.has_token("upgrade", "upgrade"));
}

TEST(http_fields, refuse_what_would_start_another_header) {
    http::fields f{{"a", "1"}};
    const auto before = f;
    for (const auto value : {"x\r\nEvil: 1"sv, "x\nEvil: 1"sv, "x\r"sv, "x\0y"sv}) {
        EXPECT_THROW(f.add("b", value), std::invalid_argument);
        EXPECT_THROW(f.set("a", value), std::invalid_argument);
    }
    for (const auto name : {""sv, "a b"sv, "a:"sv, "a\r\n"sv, "\xc3\xa4"sv, "a\0"sv, "(a)"sv, "a\x7f"sv})
        EXPECT_THROW(f.add(name, "1"), std::invalid_argument) << name;
    EXPECT_EQ(f, before);
    try {
        f.set("X-Name", "one\r\ntwo");
        FAIL();
    } catch (const std::invalid_argument& error) {
        EXPECT_STREQ(error.what(), "header field 'X-Name': the value has a line break at position 3");
    }
    f.add("utf-8", " \xc3\xa4\t");
    EXPECT_EQ(f.get("utf-8"), "\xc3\xa4");
}

TEST(http_fields, find_a_line_break_wherever_it_is_and_whatever_is_around_it) {
    for (const char around : {'a', ' ', '~', '\x7f', '\t', '\x80', '\xff', '\x01'})
        for (std::size_t size = 1; size < 27; ++size)
            for (std::size_t at = 0; at < size; ++at) {
                std::string value(size, around);
                http::fields f;
                EXPECT_NO_THROW(f.add("X", value));
                value[at] = '\r';
                try {
                    f.add("X", value);
                    ADD_FAILURE() << "was taken at position " << at << " of " << size;
                } catch (const std::invalid_argument& error) {
                    EXPECT_EQ(error.what(),
                              "header field 'X': the value has a line break at position " + std::to_string(at));
                }
            }
}

TEST(http_fields, keep_their_memory_when_reused) {
    http::fields f;
    const auto fill = [&] {
        f.clear();
        for (int i = 0; i < 20; ++i)
            f.add("Some-Header-Name", "and a value of a usual length, more or less");
        return f[0].name.data();
    };
    const auto* where = fill();
    for (int i = 0; i < 10; ++i)
        EXPECT_EQ(fill(), where);
}

TEST(http_names, reasons_and_methods) {
    EXPECT_EQ(http::reason_of(200), "OK");
    EXPECT_EQ(http::reason_of(431), "Request Header Fields Too Large");
    EXPECT_EQ(http::reason_of(299), "");
    EXPECT_FALSE(http::status_has_body(100) || http::status_has_body(204) || http::status_has_body(304));
    EXPECT_TRUE(http::status_has_body(200) && http::status_has_body(404));
    EXPECT_TRUE(http::is_idempotent("GET") && !http::is_idempotent("POST"));
}

TEST(http_errors, have_words_and_a_status_each) {
    for (int i = 1; i <= static_cast<int>(http::errc::closed_in_body); ++i) {
        const auto e = static_cast<http::errc>(i);
        EXPECT_NE(make_error_code(e).message(), "unknown http error") << i;
        const int status = http::answer_status(e);
        EXPECT_TRUE(status == 0 || !http::reason_of(status).empty()) << i;
    }
    const http::protocol_error error(http::errc::lone_cr, "http request, line 2");
    EXPECT_STREQ(error.what(), "http request, line 2: a CR that is not followed by LF");
    EXPECT_EQ(error.code(), http::errc::lone_cr);
    EXPECT_EQ(error.error(), http::errc::lone_cr);
    EXPECT_STREQ(error.code().category().name(), "http");
}

}  // namespace net_http_fields_test
