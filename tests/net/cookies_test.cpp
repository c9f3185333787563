// Cookies: which are taken, which come back, and how many there can be. The rules are those of RFC 6265
// and of its revision.

#include <ringlet/net/cookies.hpp>

#include <gmock/gmock.h>

namespace net_cookies_test {

using namespace ringlet;
using http::cookie;
using net::url;

constexpr std::time_t now = 1'700'000'000;

/// "name=value domain path flags" of what a line means, or "-".
std::string read(std::string_view line, const char* from = "http://www.example.org/a/b/c") {
    const auto c = http::parse_set_cookie(line, url::parse(from), now);
    if (!c)
        return "-";
    std::string text = c->name + "=" + c->value + " " + c->domain + " " + c->path;
    if (!c->host_only)
        text += " below";
    if (c->secure)
        text += " secure";
    if (c->http_only)
        text += " httponly";
    if (c->persistent())
        text += c->expires < now ? " past" : " +" + std::to_string(c->expires - now);
    return text;
}

TEST(cookies, a_line_is_a_pair_and_attributes) {
    EXPECT_EQ(read("a=b"), "a=b www.example.org /a/b");
    EXPECT_EQ(read("  a  =  b c  ; x=y"), "a=b c www.example.org /a/b");
    EXPECT_EQ(read("a=b=c"), "a=b=c www.example.org /a/b");
    EXPECT_EQ(read("a=\"b\""), "a=\"b\" www.example.org /a/b");
    EXPECT_EQ(read("a="), "a= www.example.org /a/b");
    EXPECT_EQ(read("=b"), "-");
    EXPECT_EQ(read("b"), "-");
    EXPECT_EQ(read("b; c=d"), "-");
    EXPECT_EQ(read(""), "-");
    EXPECT_EQ(read("="), "-");
    EXPECT_EQ(read(";a=b"), "-");
    EXPECT_EQ(read("a=b\x01"), "-");
    EXPECT_EQ(read("a=b\tc"), "a=b\tc www.example.org /a/b");
    EXPECT_EQ(read("a=" + std::string(4096, 'x')), "-");
    EXPECT_EQ(read("a=b; HttpOnly; PATH=/; domain=EXAMPLE.org"), "a=b example.org / below httponly");
}

TEST(cookies, the_path_is_given_or_that_of_the_page) {
    EXPECT_EQ(read("a=b; Path=/x"), "a=b www.example.org /x");
    EXPECT_EQ(read("a=b; Path=x"), "a=b www.example.org /a/b");
    EXPECT_EQ(read("a=b; Path=/x; Path="), "a=b www.example.org /a/b");
    EXPECT_EQ(read("a=b", "http://h/"), "a=b h /");
    EXPECT_EQ(read("a=b", "http://h/x"), "a=b h /");
    EXPECT_EQ(read("a=b", "http://h/x/"), "a=b h /x");
}

TEST(cookies, a_domain_must_be_the_senders_and_not_everybodys) {
    EXPECT_EQ(read("a=b; Domain=example.org"), "a=b example.org /a/b below");
    EXPECT_EQ(read("a=b; Domain=.example.org"), "a=b example.org /a/b below");
    EXPECT_EQ(read("a=b; Domain=www.example.org"), "a=b www.example.org /a/b below");
    EXPECT_EQ(read("a=b; Domain="), "a=b www.example.org /a/b");
    EXPECT_EQ(read("a=b; Domain=example.org; Domain="), "a=b example.org /a/b below");
    EXPECT_EQ(read("a=b; Domain=ple.org"), "-");
    EXPECT_EQ(read("a=b; Domain=other.org"), "-");
    EXPECT_EQ(read("a=b; Domain=x.www.example.org"), "-");
    EXPECT_EQ(read("a=b; Domain=org"), "-");
    EXPECT_EQ(read("a=b; Domain=localhost", "http://localhost/"), "a=b localhost /");
    EXPECT_EQ(read("a=b; Domain=10.0.0.1", "http://10.0.0.1/"), "a=b 10.0.0.1 /");
    EXPECT_EQ(read("a=b; Domain=0.0.1", "http://10.0.0.1/"), "-");
}

TEST(cookies, a_public_suffix_is_everybodys) {
    if (read("a=b; Domain=co.uk", "http://shop.co.uk/") != "-")
        GTEST_SKIP() << "built without the public suffix list";
    EXPECT_EQ(read("a=b; Domain=github.io", "http://me.github.io/"), "-");
    EXPECT_EQ(read("a=b; Domain=github.io", "http://github.io/"), "a=b github.io /");
    EXPECT_EQ(read("a=b; Domain=me.github.io", "http://me.github.io/"), "a=b me.github.io / below");
}

TEST(cookies, an_age_goes_before_a_date) {
    EXPECT_EQ(read("a=b; Max-Age=60"), "a=b www.example.org /a/b +60");
    EXPECT_EQ(read("a=b; Max-Age=60; Expires=Sun, 06 Nov 1994 08:49:37 GMT"), "a=b www.example.org /a/b +60");
    EXPECT_EQ(read("a=b; Max-Age=0"), "a=b www.example.org /a/b past");
    EXPECT_EQ(read("a=b; Max-Age=-5"), "a=b www.example.org /a/b past");
    EXPECT_EQ(read("a=b; Max-Age=6x"), "a=b www.example.org /a/b");
    EXPECT_EQ(read("a=b; Max-Age=99999999999999999999"), "a=b www.example.org /a/b +34560000");
    EXPECT_EQ(read("a=b; Expires=Sun, 06 Nov 1994 08:49:37 GMT"), "a=b www.example.org /a/b past");
    EXPECT_EQ(read("a=b; Expires=tomorrow"), "a=b www.example.org /a/b");
}

TEST(cookies, secure_ones_come_over_https_and_names_keep_their_promises) {
    const char* https = "https://www.example.org/";
    EXPECT_EQ(read("a=b; Secure", https), "a=b www.example.org / secure");
    EXPECT_EQ(read("a=b; Secure"), "-");
    EXPECT_EQ(read("__Secure-a=b", https), "-");
    EXPECT_EQ(read("__Secure-a=b; Secure", https), "__Secure-a=b www.example.org / secure");
    EXPECT_EQ(read("__Host-a=b; Secure; Path=/", https), "__Host-a=b www.example.org / secure");
    EXPECT_EQ(read("__Host-a=b; Secure", https), "-");
    EXPECT_EQ(read("__Host-a=b; Secure; Path=/; Domain=example.org", https), "-");
    EXPECT_EQ(read("=__Host-a=b; Secure; Path=/", https), "-");
}

TEST(cookies, dates_are_read_in_every_format_there_ever_was) {
    const std::time_t when = 784111777;
    for (const char* text : {"Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT",
                             "Sun Nov  6 08:49:37 1994", "6 nov 1994 8:49:37", "1994 november 06 08:49:37x"})
        EXPECT_EQ(http::parse_cookie_date(text), when) << text;
    EXPECT_EQ(http::parse_cookie_date("Thu, 01 Jan 1970 00:00:00 GMT"), 0);
    EXPECT_EQ(http::parse_cookie_date("Wed, 29 Feb 2012 23:59:59 GMT"), 1330559999);
    EXPECT_EQ(http::parse_cookie_date("1 Jan 69 0:0:0"), 3124224000);
    for (const char* text :
         {"", "now", "30 Feb 2012 0:0:0", "1 Jan 2012 24:00:00", "1 Jan 2012 00:60:00", "32 Jan 2012 0:0:0",
          "1 Jan 1600 0:0:0", "Jan 2012 00:00:00", "1 Jan 2012", "1 Jan 12345 0:0:0", "1 Jan 2012 0:0"})
        EXPECT_EQ(http::parse_cookie_date(text), std::nullopt) << text;
}

// --- the jar -----------------------------------------------------------------------------------------

class jar : public http::cookie_jar {
public:
    void hear(const char* from, std::initializer_list<std::string_view> lines) {
        http::fields f;
        for (const auto line : lines)
            f.add("Set-Cookie", line);
        take(f, url::parse(from), now);
    }
    std::string say(const char* to, std::time_t when = now) const { return line_for(url::parse(to), when); }
};

TEST(cookies, come_back_to_the_same_host_and_path) {
    jar j;
    j.hear("http://a.example.org/x/y", {"a=1", "b=2; Path=/", "c=3; Domain=example.org; Path=/x"});
    EXPECT_EQ(j.say("http://a.example.org/x/z"), "a=1; c=3; b=2");
    EXPECT_EQ(j.say("http://a.example.org:81/x"), "a=1; c=3; b=2") << "ports do not count";
    EXPECT_EQ(j.say("http://a.example.org/xy"), "b=2");
    EXPECT_EQ(j.say("http://b.example.org/x/"), "c=3");
    EXPECT_EQ(j.say("http://sub.a.example.org/x/"), "c=3");
    EXPECT_EQ(j.say("http://badexample.org/x/"), "");
    EXPECT_EQ(j.get("c"), "3");
    EXPECT_EQ(j.get("d"), std::nullopt);
}

TEST(cookies, are_replaced_removed_and_forgotten_in_time) {
    jar j;
    j.hear("http://h/", {"a=1; Max-Age=10", "b=2"});
    j.hear("http://h/", {"a=3; Max-Age=20"});
    EXPECT_EQ(j.say("http://h/"), "a=3; b=2") << "it keeps its place";
    EXPECT_EQ(j.say("http://h/", now + 20), "b=2");
    j.hear("http://h/", {"b=; Max-Age=0"});
    EXPECT_EQ(j.say("http://h/"), "a=3");
    EXPECT_EQ(j.size(), 1u);
    j.clear();
    EXPECT_TRUE(j.empty());
}

TEST(cookies, secure_ones_are_kept_from_plain_http_both_ways) {
    jar j;
    j.hear("https://h/", {"s=1; Secure"});
    EXPECT_EQ(j.say("http://h/"), "");
    EXPECT_EQ(j.say("https://h/"), "s=1");
    j.hear("http://h/", {"s=evil"});
    EXPECT_EQ(j.say("https://h/"), "s=1");
}

TEST(cookies, plain_http_puts_nothing_beside_what_came_over_https) {
    jar j;
    j.hear("https://www.h.org/", {"a=1; Secure", "b=1; Secure; Domain=h.org", "c=1; Secure; Path=/deep"});
    j.hear("http://www.h.org/", {"a=evil; Domain=h.org", "b=evil", "b=evil; Path=/deep"});
    j.hear("http://h.org/", {"a=evil; Domain=h.org", "b=evil"});
    EXPECT_EQ(j.say("https://www.h.org/"), "a=1; b=1");
    EXPECT_EQ(j.say("https://www.h.org/deep"), "c=1; a=1; b=1");
    j.hear("http://www.h.org/", {"c=fine"});
    j.hear("http://www.other.org/", {"a=fine"});
    EXPECT_EQ(j.say("https://www.h.org/"), "a=1; b=1; c=fine") << "that shadows nothing";
    EXPECT_EQ(j.say("http://www.other.org/"), "a=fine");
}

TEST(cookies, made_by_hand_cannot_start_a_field_and_may_be_for_everybody) {
    jar j;
    cookie c;
    c.name = "a";
    c.value = "b\r\nX: y";
    EXPECT_THROW(j.set(c), std::invalid_argument);
    c.value = "b";
    j.set(c);
    EXPECT_EQ(j.say("http://h/"), "a=b");
    EXPECT_EQ(j.say("https://10.0.0.1/x"), "a=b");
}

TEST(cookies, made_by_hand_bring_no_other_along) {
    jar j;
    const auto refusal = [&](const char* name, const char* value) -> std::string {
        cookie c;
        c.name = name;
        c.value = value;
        try {
            j.set(c);
        } catch (const std::invalid_argument& e) {
            return e.what();
        }
        return "";
    };
    EXPECT_EQ(refusal("a", "1; admin=1"), "cookie 'a': a ';' in it, which would begin another one");
    EXPECT_EQ(refusal("a;b", "1"), "cookie 'a;b': a ';' in it, which would begin another one");
    EXPECT_EQ(refusal("a=b", "1"), "cookie 'a=b': a '=' in its name, which would end it");
    EXPECT_EQ(refusal("a", "b=c=="), "");
    EXPECT_EQ(j.say("http://h/"), "a=b=c==");
}

TEST(cookies, are_so_many_and_no_more) {
    jar j;
    for (int i = 0; i < 60; ++i)
        j.hear("http://h/", {"c" + std::to_string(i) + "=x"});
    EXPECT_EQ(j.size(), jar::most_per_domain);
    EXPECT_EQ(j.get("c9"), std::nullopt) << "those set first go first";
    EXPECT_EQ(j.get("c10"), "x");
    for (int host = 0; host < 100; ++host)
        for (int i = 0; i < 50; ++i)
            j.hear(("http://h" + std::to_string(host) + "/").c_str(), {"c" + std::to_string(i) + "=x"});
    EXPECT_EQ(j.size(), jar::most_in_all);
    EXPECT_EQ(j.all().size(), jar::most_in_all);
}

}  // namespace net_cookies_test
