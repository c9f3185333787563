// What the WHATWG URL standard makes of a text, for http, https, ws and wss: tables of input and
// normal form, of references on a page, and of refusals with their cause.
#include <ringlet/net/url.hpp>

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <unordered_set>

namespace net_url_test {

using ringlet::net::url;
using ringlet::net::url_error;

using namespace std::string_view_literals;

struct pair {
    std::string_view given, wanted;
};

/// Taken over or made anew, it is the same url with the same parts.
void expect_the_same(const url& a, const url& b) {
    EXPECT_EQ(a, b);
    for (const auto part : {&url::scheme, &url::username, &url::password, &url::host, &url::path, &url::query,
                            &url::fragment, &url::target, &url::authority})
        EXPECT_EQ((a.*part)(), (b.*part)()) << b.to_string();
    EXPECT_EQ(a.port(), b.port()) << b.to_string();
    EXPECT_EQ(a.has_query(), b.has_query()) << b.to_string();
    EXPECT_EQ(a.has_fragment(), b.has_fragment()) << b.to_string();
}

TEST(url, normal_forms) {
    const pair table[] = {
        // scheme, slashes, white space
        {"http://example.org", "http://example.org/"},
        {"HTTPS://Example.ORG/Path", "https://example.org/Path"},
        {"ws://h/", "ws://h/"},
        {"wss://h/", "wss://h/"},
        {"http:example.org", "http://example.org/"},
        {"http:/example.org", "http://example.org/"},
        {"http:////example.org", "http://example.org/"},
        {"http:\\\\example.org\\a\\b", "http://example.org/a/b"},
        {"http:/\\/\\h", "http://h/"},
        {" \x01\x1f http://h/ \n", "http://h/"},
        {"ht\ntp:/\t/h\r/a\nb", "http://h/ab"},
        // userinfo
        {"http://user@h/", "http://user@h/"},
        {"http://user:pass@h/", "http://user:pass@h/"},
        {"http://user:@h/", "http://user@h/"},
        {"http://:pass@h/", "http://:pass@h/"},
        {"http://@h/", "http://h/"},
        {"http://:@h/", "http://h/"},
        {"http://a@b@c/", "http://a%40b@c/"},
        {"http://a:b:c@h/", "http://a:b%3Ac@h/"},
        {"http://a:b@c:d@h/", "http://a:b%40c%3Ad@h/"},
        {"http://u;=[]|^'~@h/", "http://u%3B%3D%5B%5D%7C%5E'~@h/"},
        {"http://h/a@b", "http://h/a@b"},
        {"http://h?a@b", "http://h/?a@b"},
        {"http://h\\@b", "http://h/@b"},
        // hosts
        {"http://EXAMPLE.%6Frg/", "http://example.org/"},
        {"http://a_b-c.d~!$&'()*+,;=/", "http://a_b-c.d~!$&'()*+,;=/"},
        {"http://example.org./", "http://example.org./"},
        {"http://xn--bcher-kva.example/", "http://xn--bcher-kva.example/"},
        {"http://a..b/", "http://a..b/"},
        {"http://\"`{}/", "http://\"`{}/"},
        // IPv4 in all its spellings
        {"http://127.0.0.1/", "http://127.0.0.1/"},
        {"http://0x7f.1/", "http://127.0.0.1/"},
        {"http://0X7F.0.1/", "http://127.0.0.1/"},
        {"http://017700000001/", "http://127.0.0.1/"},
        {"http://2130706433/", "http://127.0.0.1/"},
        {"http://127.0.0.1./", "http://127.0.0.1/"},
        {"http://0/", "http://0.0.0.0/"},
        {"http://0x/", "http://0.0.0.0/"},
        {"http://00.0x.0/", "http://0.0.0.0/"},
        {"http://4294967295/", "http://255.255.255.255/"},
        {"http://1.2.772/", "http://1.2.3.4/"},
        {"http://1.131844/", "http://1.2.3.4/"},
        {"http://%31%32%37.1/", "http://127.0.0.1/"},
        {"http://127.0.0.1.example/", "http://127.0.0.1.example/"},
        {"http://1.2.3.a4/", "http://1.2.3.a4/"},
        {"http://0xfg/", "http://0xfg/"},
        // IPv6
        {"http://[::1]/", "http://[::1]/"},
        {"http://[0:0:0:0:0:0:0:0]/", "http://[::]/"},
        {"http://[2001:DB8::0:7]/", "http://[2001:db8::7]/"},
        {"http://[1:0:0:2:0:0:0:3]/", "http://[1:0:0:2::3]/"},
        {"http://[1:0:2:0:3:0:4:0]/", "http://[1:0:2:0:3:0:4:0]/"},
        {"http://[1:2:3:4:5:6:0:0]/", "http://[1:2:3:4:5:6::]/"},
        {"http://[::ffff:1.2.3.4]/", "http://[::ffff:102:304]/"},
        {"http://[0:0:1:2:3:4:0:0]/", "http://[::1:2:3:4:0:0]/"},
        // ports
        {"http://h:80/", "http://h/"},
        {"https://h:443/", "https://h/"},
        {"ws://h:80/", "ws://h/"},
        {"wss://h:443/", "wss://h/"},
        {"http://h:443/", "http://h:443/"},
        {"http://h:/", "http://h/"},
        {"http://h:00080/", "http://h/"},
        {"http://h:0/", "http://h:0/"},
        {"http://h:65535/", "http://h:65535/"},
        {"http://[::1]:81/", "http://[::1]:81/"},
        // paths
        {"http://h/a/./b", "http://h/a/b"},
        {"http://h/a/../b", "http://h/b"},
        {"http://h/a/b/..", "http://h/a/"},
        {"http://h/a/b/.", "http://h/a/b/"},
        {"http://h/../../a", "http://h/a"},
        {"http://h/..", "http://h/"},
        {"http://h/%2e%2E/%2e/a", "http://h/a"},
        {"http://h/a/.%2e/b", "http://h/b"},
        {"http://h/...", "http://h/..."},
        {"http://h/.a/..b/c.", "http://h/.a/..b/c."},
        {"http://h/a//../b", "http://h/a/b"},
        {"http://h//", "http://h//"},
        {"http://h/%zz%4", "http://h/%zz%4"},
        {"http://h/%41", "http://h/%41"},
        {"http://h/ \"<>^`{}|[]'", "http://h/%20%22%3C%3E%5E%60%7B%7D|[]'"},
        {"http://h/\xc3\xa4\x7f", "http://h/%C3%A4%7F"},
        // query and fragment
        {"http://h?q", "http://h/?q"},
        {"http://h#f", "http://h/#f"},
        {"http://h/?", "http://h/?"},
        {"http://h/#", "http://h/#"},
        {"http://h/?#", "http://h/?#"},
        {"http://h/?a=b c'\"<>`{}\\/../", "http://h/?a=b%20c%27%22%3C%3E`{}\\/../"},
        {"http://h/?\xc3\xa4", "http://h/?%C3%A4"},
        {"http://h/#a b\"<>`'{}?#", "http://h/#a%20b%22%3C%3E%60'{}?#"},
    };
    for (const auto& [given, wanted] : table) {
        std::string reason;
        const auto parsed = url::try_parse(given, &reason);
        ASSERT_TRUE(parsed) << given << ": " << reason;
        EXPECT_EQ(parsed->to_string(), wanted) << given;
        EXPECT_EQ(url::parse(parsed->to_string()), *parsed) << "normalising twice changed it: " << given;
        for (std::string text : {std::string(given), parsed->to_string()})
            if (const auto adopted = url::try_adopt(text))
                expect_the_same(*adopted, *parsed);
    }
}

TEST(url, a_text_that_is_usual_is_taken_over_as_it_is) {
    for (const std::string_view usual :
         {"http://127.0.0.1:8080/", "https://www.example.org/a/b.html?x=1&y=%20", "http://h/",
          "http://10.0.0.255/a//b", "https://h:80/", "http://h.a-1/?", "http://h/a.b/..c"}) {
        std::string text(usual);
        const char* const bytes = text.data();
        const auto adopted = url::try_adopt(text);
        if (usual.ends_with("..c")) {
            EXPECT_FALSE(adopted) << "may be a step up: " << usual;
            EXPECT_EQ(text, usual);
            continue;
        }
        ASSERT_TRUE(adopted) << usual;
        EXPECT_TRUE(usual.size() < 16 || adopted->to_string().data() == bytes) << "it was copied: " << usual;
        expect_the_same(*adopted, url::parse(usual));
    }
    for (std::string odd : {"http://h",          "http://1.2.3/",
                            "http://01.2.3.4/",  "http://1.2.3.256/",
                            "http://1.2.3.4./",  "http://H/",
                            "http://h:080/",     "http://h:80/",
                            "http://h:65536/",   "http://h:/",
                            "http://h/%2e",      "http://h/a b",
                            "http://h/#f",       "http://u@h/",
                            "http://[::1]/",     "http:///",
                            "http://.1/",        "http://h/a\\b",
                            "ftp://h/",          "http://h/?'",
                            "http://a.xn--abc/", ""})
        EXPECT_FALSE(url::try_adopt(odd)) << odd;
}

TEST(url, references_on_a_page) {
    const auto page = url::parse("http://user:pw@h:81/a/b/c?q#f");
    const pair table[] = {
        {"", "http://user:pw@h:81/a/b/c?q"},
        {"#g", "http://user:pw@h:81/a/b/c?q#g"},
        {"?x", "http://user:pw@h:81/a/b/c?x"},
        {"?", "http://user:pw@h:81/a/b/c?"},
        {"d", "http://user:pw@h:81/a/b/d"},
        {"./d", "http://user:pw@h:81/a/b/d"},
        {"../d", "http://user:pw@h:81/a/d"},
        {"../../../../d", "http://user:pw@h:81/d"},
        {"..", "http://user:pw@h:81/a/"},
        {".", "http://user:pw@h:81/a/b/"},
        {"d/", "http://user:pw@h:81/a/b/d/"},
        {"d?y#z", "http://user:pw@h:81/a/b/d?y#z"},
        {"/d", "http://user:pw@h:81/d"},
        {"\\d", "http://user:pw@h:81/d"},
        {"/../d", "http://user:pw@h:81/d"},
        {"//other/d", "http://other/d"},
        {"\\\\other\\d", "http://other/d"},
        {"///other", "http://other/"},
        {"//other:80", "http://other/"},
        {"http:d", "http://user:pw@h:81/a/b/d"},
        {"http:/d", "http://user:pw@h:81/d"},
        {"http://other", "http://other/"},
        {"HTTP:?x", "http://user:pw@h:81/a/b/c?x"},
        {"https:other", "https://other/"},
        {"https://h:81/", "https://h:81/"},
        {"a", "http://user:pw@h:81/a/b/a"},
        {"./a:b", "http://user:pw@h:81/a/b/a:b"},
        {"1:b", "http://user:pw@h:81/a/b/1:b"},
        {" d \n", "http://user:pw@h:81/a/b/d"},
        {"d e", "http://user:pw@h:81/a/b/d%20e"},
    };
    for (const auto& [given, wanted] : table) {
        std::string reason;
        const auto found = page.try_resolve(given, &reason);
        ASSERT_TRUE(found) << given << ": " << reason;
        EXPECT_EQ(found->to_string(), wanted) << given;
    }
    EXPECT_EQ(url::parse("http://h").resolve("x").to_string(), "http://h/x");
}

TEST(url, an_international_name_gets_its_ascii_form) {
    std::string reason;
    if (!url::try_parse("http://b\u00fccher.example/", &reason) && reason.find("libidn2") != reason.npos)
        GTEST_SKIP() << reason;
    EXPECT_EQ(url::parse("http://b\u00fccher.example/").host(), "xn--bcher-kva.example");
    EXPECT_EQ(url::parse("http://B%C3%9CCHER.example/").host(), "xn--bcher-kva.example");
    EXPECT_EQ(url::parse("http://fa\u00df.de/").host(), "xn--fa-hia.de");
    EXPECT_EQ(url::parse("http://\uff11\uff12\uff17.0.0.1/").host(), "127.0.0.1");
    EXPECT_FALSE(url::try_parse("http://a\u2024/b", &reason).has_value() &&
                 url::parse("http://a\u2024/b").host().find('/') != std::string_view::npos);
    EXPECT_FALSE(url::try_parse("http://" + std::string(70, 'x') + "\u00fc.de/", &reason)) << "a label is too long";
}

TEST(url, refusals_name_the_cause) {
    const pair table[] = {
        {"", "no scheme"},
        {"example.org/x", "no scheme"},
        {"//example.org", "no scheme"},
        {"://h", "no scheme"},
        {"1http://h", "no scheme"},
        {"ht tp://h", "no scheme"},
        {"htp:/x", "scheme 'htp' is not http, https, ws or wss"},
        {"ftp://h/", "scheme 'ftp'"},
        {"javascript:alert(1)", "scheme 'javascript'"},
        {"http://", "host is missing"},
        {"http:///?q", "host is missing"},
        {"http://:80/", "host is missing"},
        {"http://user@/", "host is missing"},
        {"http://%/", "contains '%'"},
        {"http://a b/", "contains ' '"},
        {"http://a%20b/", "contains ' '"},
        {"http://a%00b/", "contains '\\x00'"},
        {"http://a\x01"
         "b/",
         "contains '\\x01'"},
        {"http://a%2fb/", "contains '/'"},
        {"http://a%41%25/", "contains '%'"},
        {"http://a<b/", "contains '<'"},
        {"http://a|b/", "contains '|'"},
        {"http://a^b/", "contains '^'"},
        {"http://a[b/", "contains '['"},
        {"http://a\x7f/", "contains '\\x7f'"},
        {"http://b\xfc"
         "cher.example/",
         "international name"},
        {"http://1.2.3.4.5/", "more than four numbers"},
        {"http://1.2.3.256/", "too large"},
        {"http://256.1/", "too large"},
        {"http://4294967296/", "too large"},
        {"http://0x100000000000000000000/", "too large"},
        {"http://1.2.08/", "no IPv4"},
        {"http://1..2/", "no IPv4"},
        {"http://foo.0x4/", "no IPv4"},
        {"http://foo.1/", "no IPv4"},
        {"http://[::1/", "no closing ']'"},
        {"http://[::1]x/", "no closing ']'"},
        {"http://[]/", "no IPv6"},
        {"http://[::1%25eth0]/", "no IPv6"},
        {"http://[1:2:3:4:5:6:7:8:9]/", "no IPv6"},
        {"http://[::1.2.3]/", "no IPv6"},
        {"http://[::01.2.3.4]/", "no IPv6"},
        {"http://[1::2::3]/", "no IPv6"},
        {"http://[12345::]/", "no IPv6"},
        {"http://h:65536/", "larger than 65535"},
        {"http://h:99999999999999999999/", "larger than 65535"},
        {"http://h:8x/", "port '8x' is not a number"},
        {"http://me:p/w@h/", "what seems to be a password has '/', '?' or '#' in it: write %2F, %3F, %23"},
        {"http://h:-1/", "port '-1' is not a number"},
        {"http://[::1]:x/", "port 'x' is not a number"},
    };
    for (const auto& [given, cause] : table) {
        std::string reason;
        EXPECT_FALSE(url::try_parse(given, &reason)) << given;
        EXPECT_NE(reason.find(cause), reason.npos) << given << " -> " << reason;
        std::string text(given);
        EXPECT_FALSE(url::try_adopt(text)) << given;
    }
    std::string reason;
    EXPECT_FALSE(url::try_parse("http://a\0/"sv, &reason));
    EXPECT_FALSE(url::try_parse("http://h/" + std::string(1u << 20, 'a'), &reason));
    EXPECT_EQ(reason, "longer than 1 MiB");
}

TEST(url, a_thrown_error_is_one_clear_line) {
    try {
        url::parse("htp:/x");
        FAIL();
    } catch (const url_error& error) {
        EXPECT_STREQ(error.what(), "url 'htp:/x': scheme 'htp' is not http, https, ws or wss");
    }
    try {
        url::parse("http://me:secret@h/").resolve("//a b\n/");
        FAIL();
    } catch (const url_error& error) {
        EXPECT_STREQ(error.what(),
                     "url '//a b\\x0a/': host 'a b' contains ' ', which no host may (found on http://me:***@h/)");
    }
}

TEST(url, parts) {
    const auto u = url::parse("https://me:secret@Example.org:8443/a/b?x=1#top");
    EXPECT_EQ(u.scheme(), "https");
    EXPECT_TRUE(u.is_secure());
    EXPECT_EQ(u.username(), "me");
    EXPECT_EQ(u.password(), "secret");
    EXPECT_EQ(u.host(), "example.org");
    EXPECT_EQ(u.port(), 8443);
    EXPECT_EQ(u.path(), "/a/b");
    EXPECT_EQ(u.query(), "x=1");
    EXPECT_EQ(u.fragment(), "top");
    EXPECT_EQ(u.target(), "/a/b?x=1");
    EXPECT_EQ(u.authority(), "example.org:8443");
    EXPECT_EQ(u.origin(), "https://example.org:8443");

    const auto plain = url::parse("http://[::1]");
    EXPECT_FALSE(plain.is_secure());
    EXPECT_EQ(plain.username(), "");
    EXPECT_EQ(plain.password(), "");
    EXPECT_EQ(plain.host(), "::1");
    EXPECT_TRUE(plain.host_is_ip6());
    EXPECT_EQ(plain.port(), 80);
    EXPECT_EQ(plain.authority(), "[::1]");
    EXPECT_EQ(plain.target(), "/");
    EXPECT_FALSE(plain.has_query());
    EXPECT_FALSE(plain.has_fragment());

    EXPECT_EQ(url::parse("https://h").port(), 443);
    EXPECT_EQ(url::parse("http://[::1]:81/").port(), 81);
    EXPECT_EQ(url::parse("http://:pw@h/").password(), "pw");
    EXPECT_EQ(url::parse("http://:pw@h/").username(), "");
    EXPECT_TRUE(url::parse("http://h/?").has_query());
    EXPECT_TRUE(url::parse("http://h/#").has_fragment());
    EXPECT_EQ(url::parse("http://h/?#x").target(), "/?");
}

TEST(url, is_a_value) {
    auto a = url::parse("http://h/a");
    const auto b = a;
    a = url::parse("http://h/b");
    EXPECT_LT(b, a);
    EXPECT_NE(a, b);
    EXPECT_EQ((std::unordered_set<url>{a, b, b}).size(), 2u);
}

}  // namespace net_url_test
