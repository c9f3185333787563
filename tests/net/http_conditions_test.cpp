// Dates, ranges, conditions and content types: pure functions, told by tables.

#include <ringlet/net/http_byte_ranges.hpp>
#include <ringlet/net/http_conditions.hpp>
#include <ringlet/net/http_content_type.hpp>
#include <ringlet/net/http_date.hpp>

#include <gtest/gtest.h>

namespace net_http_conditions_test {

using namespace ringlet;

constexpr std::time_t then = 784111777;
const std::string then_text = "Sun, 06 Nov 1994 08:49:37 GMT";

TEST(http_date, is_read_in_its_three_forms) {
    EXPECT_EQ(http::parse_date(then_text), then);
    EXPECT_EQ(http::parse_date("Sunday, 06-Nov-94 08:49:37 GMT"), then);
    EXPECT_EQ(http::parse_date("Sun Nov  6 08:49:37 1994"), then);
    EXPECT_EQ(http::parse_date("Sun Nov 16 08:49:37 1994"), then + 10 * 86400);
    EXPECT_EQ(http::format_date(*http::parse_date("Sun, 06 Apr 0997 08:49:37 GMT")), "Thu, 06 Apr 0997 08:49:37 GMT");
    EXPECT_EQ(http::format_date(*http::parse_date("Friday, 13-Feb-09 23:31:30 GMT")),
              "Fri, 13 Feb 2009 23:31:30 GMT");
    for (const std::string text :
         {"", "Sun", "Sun,", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 GMTx",
          "Sun, 6 Nov 1994 08:49:37 GMT", "Sun, 06 nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:49:37 GMT",
          "Sun, 32 Nov 1994 08:49:37 GMT", "784111777", "Sun, 06 Nov 1994 08:49:3", "Sun Nov  6 08:49:37"})
        EXPECT_EQ(http::parse_date(text), std::nullopt) << text;
}

/// "all", "none" or "0-4,6-9".
std::string parts_of(std::string_view field, std::uint64_t size) {
    std::vector<http::byte_range> parts;
    const http::ranges which = http::parse_ranges(field, size, parts);
    if (which != http::ranges::some)
        return which == http::ranges::all ? "all" : "none";
    std::string text;
    for (const auto& part : parts)
        text += (text.empty() ? "" : ",") + std::to_string(part.first) + "-" + std::to_string(part.last);
    return text;
}

TEST(http_range, says_which_bytes_are_asked_for) {
    EXPECT_EQ(parts_of("bytes=0-4", 10), "0-4");
    EXPECT_EQ(parts_of("bytes=0-99", 10), "0-9");
    EXPECT_EQ(parts_of("bytes=5-", 10), "5-9");
    EXPECT_EQ(parts_of("bytes=-3", 10), "7-9");
    EXPECT_EQ(parts_of("bytes=-30", 10), "0-9");
    EXPECT_EQ(parts_of("BYTES = 0-0 , ,-1,\t4-5", 10), "0-0,9-9,4-5");
    EXPECT_EQ(parts_of("bytes=0-18446744073709551615", 10), "0-9");
    EXPECT_EQ(parts_of("bytes=0-99999999999999999999999", 10), "0-9");
    EXPECT_EQ(parts_of("bytes=3-4,20-", 10), "3-4") << "what is not there is left out";
}

TEST(http_range, that_is_nowhere_is_told_from_one_that_is_nonsense) {
    for (const std::string field : {"bytes=10-", "bytes=10-20", "bytes=-0", "bytes=99999999999999999999999-"})
        EXPECT_EQ(parts_of(field, 10), "none") << field;
    EXPECT_EQ(parts_of("bytes=0-", 0), "none");
    EXPECT_EQ(parts_of("bytes=-5", 0), "none");
    for (const std::string field :
         {"", "bytes", "bytes=", "bytes=,", "bytes=-", "bytes=a-b", "bytes=5-4", "bytes=1", "bytes=1-2-3",
          "bytes=+1-2", "bytes=0x0-1", "lines=0-1", "bytes=0-1,x", "bytes 0-1", "bytes=0 - 1"})
        EXPECT_EQ(parts_of(field, 10), "all") << field;
}

TEST(http_range, an_attack_by_many_parts_is_answered_by_the_whole) {
    EXPECT_EQ(parts_of("bytes=0-9,0-9", 10), "all");
    EXPECT_EQ(parts_of("bytes=0-4,5-9", 10), "0-4,5-9");
    std::string many = "bytes=0-0";
    for (int i = 1; i < 16; ++i)
        many += "," + std::to_string(i * 2) + "-" + std::to_string(i * 2);
    EXPECT_NE(parts_of(many, 1000), "all");
    EXPECT_EQ(parts_of(many + ",100-100", 1000), "all");
}

http::condition judged(std::string_view method, const http::fields& asked, std::string_view tag = "\"a\"") {
    return http::judge_conditions(method, asked, {tag, then});
}

TEST(http_conditions, are_judged_in_order) {
    using enum http::condition;
    const std::string before = http::format_date(then - 1), after = http::format_date(then + 1);
    EXPECT_EQ(judged("GET", {}), holds);
    EXPECT_EQ(judged("GET", {{"If-None-Match", "\"a\""}}), not_modified);
    EXPECT_EQ(judged("PUT", {{"If-None-Match", "\"a\""}}), failed);
    EXPECT_EQ(judged("PUT", {{"If-None-Match", "*"}}), failed);
    EXPECT_EQ(judged("HEAD", {{"If-None-Match", "\"x\", W/\"a\""}}), not_modified);
    EXPECT_EQ(judged("GET", {{"If-None-Match", "\"x,\"a\""}}), holds) << "broken quotes match nothing";
    EXPECT_EQ(judged("GET", {{"If-None-Match", "\"b\""}, {"If-Modified-Since", after}}), holds) << "the tag decides";
    EXPECT_EQ(judged("GET", {{"If-Modified-Since", then_text}}), not_modified);
    EXPECT_EQ(judged("GET", {{"If-Modified-Since", before}}), holds);
    EXPECT_EQ(judged("PUT", {{"If-Modified-Since", after}}), holds);
    EXPECT_EQ(judged("GET", {{"If-Modified-Since", "yesterday"}}), holds);
    EXPECT_EQ(judged("GET", {{"If-Modified-Since", "Sat, 01 Jan 2200 00:00:00 GMT"}}), holds) << "a wrong clock";
    EXPECT_EQ(judged("PUT", {{"If-Match", "\"a\""}}), holds);
    EXPECT_EQ(judged("PUT", {{"If-Match", "*"}}), holds);
    EXPECT_EQ(judged("PUT", {{"If-Match", "\"b\""}}), failed);
    EXPECT_EQ(judged("PUT", {{"If-Match", "W/\"a\""}}), failed) << "a weak tag is not the same";
    EXPECT_EQ(judged("PUT", {{"If-Match", "W/\"a\""}}, "W/\"a\""), failed);
    EXPECT_EQ(judged("PUT", {{"If-Unmodified-Since", before}}), failed);
    EXPECT_EQ(judged("PUT", {{"If-Unmodified-Since", then_text}}), holds);
    EXPECT_EQ(judged("GET", {{"If-Match", "\"a\""}, {"If-Unmodified-Since", before}, {"If-None-Match", "\"a\""}}),
              not_modified);
}

TEST(http_conditions, a_range_may_be_meant_for_one_state_only) {
    const http::validators now{"\"a\"", then};
    EXPECT_TRUE(http::range_counts({}, now));
    EXPECT_TRUE(http::range_counts({{"If-Range", "\"a\""}}, now));
    EXPECT_FALSE(http::range_counts({{"If-Range", "\"b\""}}, now));
    EXPECT_FALSE(http::range_counts({{"If-Range", "W/\"a\""}}, {"W/\"a\"", then}));
    EXPECT_TRUE(http::range_counts({{"If-Range", then_text}}, now));
    EXPECT_FALSE(http::range_counts({{"If-Range", http::format_date(then + 1)}}, now));
    EXPECT_FALSE(http::range_counts({{"If-Range", "x"}}, now));
}

TEST(http_content_type, goes_by_the_end_of_the_name) {
    EXPECT_EQ(http::content_type_of("a/b/index.HTML"), "text/html; charset=utf-8");
    EXPECT_EQ(http::content_type_of("a.tar.gz"), "application/gzip");
    EXPECT_EQ(http::content_type_of("font.woff2"), "font/woff2");
    for (const std::string name : {"", "html", "a.", "a.unknown", "a.htmlhtmlhtmlhtmlhtml"})
        EXPECT_EQ(http::content_type_of(name), "application/octet-stream") << name;
}

}  // namespace net_http_conditions_test
