// Characters of bodies, forms and queries: which encoding a page is in, and its text as UTF-8.

#include <ringlet/net/http_form.hpp>
#include <ringlet/net/http_reply.hpp>
#include <ringlet/net/http_text.hpp>

#include <gtest/gtest.h>

namespace net_http_text_test {

using namespace ringlet;

std::string encoding(std::string_view type, std::string_view body) {
    http::fields f;
    if (!type.empty())
        f.add("Content-Type", type);
    return http::encoding_of(f, body);
}

TEST(http_text, the_content_type_names_the_encoding) {
    EXPECT_EQ(http::charset_of("text/html; charset=UTF-8"), "utf-8");
    EXPECT_EQ(http::charset_of("text/html;charset=\"iso-8859-1\" ; x=y"), "iso-8859-1");
    EXPECT_EQ(http::charset_of("text/html; x=y; Charset = koi8-r"), "koi8-r");
    EXPECT_EQ(http::charset_of("text/html"), "");
    EXPECT_EQ(http::charset_of("charset=x"), "");
    EXPECT_EQ(encoding("text/plain; charset=Shift_JIS", "abc"), "shift_jis");
}

TEST(http_text, otherwise_the_page_says_it_itself) {
    EXPECT_EQ(encoding("text/html", "<html><META charset=gb2312><p>"), "gb2312");
    EXPECT_EQ(
        encoding("text/html", "<meta name=x><meta http-equiv='Content-Type' content='text/html; charset=EUC-JP'>"),
        "euc-jp");
    EXPECT_EQ(encoding("", "<?xml version='1.0' encoding='ISO-8859-2'?>"), "iso-8859-2");
    EXPECT_EQ(encoding("", "<meta charset=utf-16>"), "utf-8");
    EXPECT_EQ(encoding("", "<!-- <meta charset=gb2312> --><meta charset=koi8-r>"), "koi8-r");
    EXPECT_EQ(encoding("", "<!-- <meta charset=gb2312> "), "utf-8");
    EXPECT_EQ(encoding("", "<meta name=description content='say charset=gb2312'><meta charset=koi8-r>"), "koi8-r");
    EXPECT_EQ(encoding("", "<meta name=x content='say charset=gb2312'>"), "utf-8");
    EXPECT_EQ(encoding("", "<meta content='x' charset=koi8-r>"), "koi8-r");
    EXPECT_EQ(encoding("", "<meta charset=koi8-r content='charset=x'>"), "koi8-r");
    EXPECT_EQ(encoding("", "<meta charset"), "utf-8");
    EXPECT_EQ(encoding("", std::string(2000, ' ') + "<meta charset=gb2312>"), "utf-8") << "too far down";
    EXPECT_EQ(encoding("text/html; charset=latin-1", "\xef\xbb\xbf\x61"), "utf-8") << "a mark goes before all";
    EXPECT_EQ(encoding("", "\xff\xfe\x61\x00"), "utf-16le");
    EXPECT_EQ(encoding("", "gr\xc3\xbc\xc3\x9f"), "utf-8");
    EXPECT_EQ(encoding("", "gr\xfc\xdf"), "windows-1252");
}

TEST(http_text, text_is_utf8) {
    EXPECT_EQ(http::to_utf8("gr\xfc\xdf", "iso-8859-1"), "grüß");
    EXPECT_EQ(http::to_utf8("\x80", "latin-1"), "€");
    EXPECT_EQ(http::to_utf8("\xef\xbb\xbfgrüß", "utf-8"), "grüß");
    EXPECT_EQ(http::to_utf8(std::string_view("\xff\xfeg\0\xfc\0", 6), "utf-16le"), "gü");
    EXPECT_EQ(http::to_utf8("\xd0\xd2", "koi8-r"), "пр");
    EXPECT_EQ(http::to_utf8("a\xfc", "no-such-encoding"), "aü");
    EXPECT_EQ(http::to_utf8("\x87\x40", "Shift_JIS"), "①") << "what the standard lacks and pages have";
    EXPECT_EQ(http::to_utf8("\xe9\x46", "gb2312"), "镕");
    EXPECT_EQ(http::to_utf8("\x8c\x63", "euc-kr"), "똠");
    EXPECT_EQ(http::to_utf8("\xfd\xfe", "ISO-8859-9"), "ış");
    EXPECT_EQ(http::to_utf8("\xa1", "TIS-620"), "ก");
    EXPECT_EQ(http::to_utf8("a\xfc", "utf-8//IGNORE"), "aü");
    EXPECT_EQ(http::to_utf8("a\xff\xe2\x82z", "utf-8"), "a\ufffd\ufffd\ufffdz");
    EXPECT_EQ(http::to_utf8("a\xe2\x82\xac", "utf-8"), "a€");
    EXPECT_EQ(http::to_utf8(std::string_view("a\0\xfc", 3), "utf-16le"), "a\ufffd") << "half a character";
    EXPECT_EQ(http::to_utf8("", "utf-8"), "");
}

TEST(http_text, only_sound_sequences_are_utf8) {
    for (const char* good : {"", "a", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xef\xbf\xbf",
                             "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"})
        EXPECT_TRUE(http::is_utf8(good)) << good;
    for (const char* bad : {"\x80", "\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf",
                            "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xe2\x82"})
        EXPECT_FALSE(http::is_utf8(bad)) << bad;
}

TEST(http_text, a_reply_knows_its_text_and_whether_it_is_one) {
    http::reply r;
    r.status = 404;
    r.url = "http://h/x";
    r.body = "gr\xfc\xdf";
    EXPECT_EQ(r.encoding(), "windows-1252");
    EXPECT_EQ(r.text(), "grüß");
    EXPECT_FALSE(r.ok());
    try {
        r.raise_for_status();
        ADD_FAILURE();
    } catch (const http::status_error& e) {
        EXPECT_STREQ(e.what(), "404 Client Error: Not Found for url: http://h/x");
        EXPECT_EQ(e.status(), 404);
    }
    r.status = 399;
    EXPECT_NO_THROW(r.raise_for_status());
}

TEST(http_text, params_join_the_query) {
    const http::pairs two{{"a", "1 2"}, {"ä", "&="}};
    EXPECT_EQ(http::form_encoded(two), "a=1+2&%C3%A4=%26%3D");
    EXPECT_EQ(http::form_encoded({}), "");
    EXPECT_EQ(http::with_params("http://h/", two), "http://h/?a=1+2&%C3%A4=%26%3D");
    EXPECT_EQ(http::with_params("http://h/?x", {{"a", ""}}), "http://h/?x&a=");
    EXPECT_EQ(http::with_params("http://h/?", {{"a", "b"}}), "http://h/?a=b");
    EXPECT_EQ(http::with_params("http://h#f?", {{"a", "b"}}), "http://h?a=b#f?");
    EXPECT_EQ(http::with_params("http://h/", {}), "http://h/");
}

}  // namespace net_http_text_test
