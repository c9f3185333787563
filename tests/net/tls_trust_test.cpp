// Whom a TLS peer believes, what it shows, and how it says no.

#include "support/machine.hpp"
#include "support/tls_world.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

namespace net_tls_trust_test {

using namespace story;
using testing::EndsWith;
using testing::HasSubstr;

std::string client_says(const tls::server_options& server, const std::string& host = "a.org") {
    return refusals(tls::context(trusting()), tls::context(server), host).first;
}

TEST(tls_trust, believes_a_certificate_for_the_host) {
    EXPECT_EQ(client_says(serving("a.org")), "");
    EXPECT_EQ(client_says(serving("a.org"), "A.ORG"), "");
    EXPECT_EQ(client_says(serving("a.org"), "a.org."), "");
    EXPECT_EQ(client_says(serving("*.a.org"), "www.a.org"), "");
    const auto numbers = test_authority().sign(certificate_wish("numbers").ip("10.0.0.1").ip("::1"));
    EXPECT_EQ(client_says(tls::server_options(numbers), "10.0.0.1"), "");
    EXPECT_EQ(client_says(tls::server_options(numbers), "[::1]"), "");
    const authority below = test_authority().intermediate("In Between");
    EXPECT_EQ(client_says(tls::server_options(below.sign("a.org"))), "");
}

TEST(tls_trust, knows_international_names_by_their_ascii_form) {
    const std::string said = client_says(serving("xn--bcher-kva.example"), "B\u00fccher.example");
    if (said.find("libidn2") != said.npos)
        GTEST_SKIP() << "built without libidn2";
    EXPECT_EQ(said, "");
    EXPECT_THAT(client_says(serving(), "\xff.example"), HasSubstr("is no international name"));
}

TEST(tls_trust, says_what_a_certificate_is_for) {
    const std::string act = "tls handshake with ";
    EXPECT_EQ(client_says(serving("b.org")), act + "a.org:left: certificate is for b.org, not a.org");
    EXPECT_EQ(client_says(serving("*.a.org"), "a.b.a.org"),
              act + "a.b.a.org:left: certificate is for *.a.org, not a.b.a.org");
    EXPECT_EQ(client_says(serving("w*.a.org"), "www.a.org"),
              act + "www.a.org:left: certificate is for w*.a.org, not www.a.org");
    EXPECT_THAT(client_says(serving("www.a.org"), ".a.org"), HasSubstr("'.a.org' is no host name"))
        << "OpenSSL would take any name below";
    const auto nameless = test_authority().sign(certificate_wish("a.org"));
    EXPECT_EQ(client_says(tls::server_options(nameless)), act + "a.org:left: certificate is for a.org, not a.org")
        << "a common name is not a host (RFC 9525 section 6.3)";
    const auto two = test_authority().sign(certificate_wish("x").dns("b.org").ip("10.0.0.2"));
    EXPECT_EQ(client_says(tls::server_options(two), "10.0.0.1"),
              act + "10.0.0.1:left: certificate is for b.org, 10.0.0.2, not 10.0.0.1");
    const auto number_as_name = test_authority().sign(certificate_wish("x").dns("10.0.0.1"));
    EXPECT_THAT(client_says(tls::server_options(number_as_name), "10.0.0.1"), HasSubstr("certificate is for"));
}

TEST(tls_trust, says_why_a_certificate_is_not_believed) {
    const std::string act = "tls handshake with a.org:left: ";
    const auto wish = certificate_wish("a.org").dns("a.org");
    const auto old = test_authority().sign(certificate_wish(wish).until("20240101000000Z"));
    EXPECT_EQ(client_says(tls::server_options(old)), act + "certificate of a.org expired on 2024-01-01");
    const auto early = test_authority().sign(certificate_wish(wish).from("29980201000000Z"));
    EXPECT_EQ(client_says(tls::server_options(early)), act + "certificate of a.org is not valid before 2998-02-01");
    EXPECT_EQ(client_says(tls::server_options(self_signed(wish))), act + "certificate of a.org is self-signed");
    EXPECT_EQ(client_says(tls::server_options(authority("Stranger").sign("a.org"))),
              act + "certificate of a.org was issued by an unknown authority (Stranger)");
}

TEST(tls_trust, tells_the_server_why_it_was_not_believed) {
    const auto said = refusals(tls::context(trusting()), tls::context(serving("b.org")));
    EXPECT_EQ(said.second, "tls handshake with a.org:right: the peer refused: bad certificate");
    in_virtual_time([]() -> task<> {
        tls_pair both = co_await tls_in_memory(tls::context(trusting()), tls::context(serving("b.org")));
        EXPECT_EQ(both.client_code, tls::errc::wrong_host);
        EXPECT_EQ(both.server_code, tls::errc::refused);
    });
}

TEST(tls_trust, believes_nobody_of_the_machines_authorities_once_it_has_its_own) {
    const auto said = refusals(tls::context(), tls::context(serving()));
    EXPECT_THAT(said.first, HasSubstr("unknown authority"));
    EXPECT_EQ(refusals(tls::context(trusting().and_system_store()), tls::context(serving())).first, "");
}

TEST(tls_trust, believes_anybody_when_told_so_but_for_the_pins) {
    const auto strange = self_signed(certificate_wish("x").dns("b.org"));
    const tls::context server{tls::server_options(strange)};
    EXPECT_EQ(refusals(tls::context(tls::client_options().insecure()), server).first, "");
    EXPECT_EQ(refusals(tls::context(tls::client_options().insecure().pin(pin_of(strange))), server).first, "");
    EXPECT_EQ(refusals(tls::context(tls::client_options().insecure().pin("sha256/AAAA")), server).first,
              "tls handshake with a.org:left: certificate of a.org has the key " + pin_of(strange) +
                  ", which is not pinned");
    const auto good = test_authority().sign("a.org");
    const tls::context pinned(trusting().pin("sha256/AAAA").pin(pin_of(good)));
    EXPECT_EQ(refusals(pinned, tls::context{tls::server_options(good)}).first, "");
    EXPECT_THAT(refusals(pinned, tls::context(serving())).first, HasSubstr("which is not pinned"));
}

TEST(tls_trust, shows_the_certificate_that_the_client_asks_for) {
    const tls::context server(
        serving("a.org").certificate(test_authority().sign("b.org")).certificate(test_authority().sign("*.c.org")));
    for (const char* host : {"a.org", "b.org", "B.org", "x.c.org"})
        EXPECT_EQ(refusals(tls::context(trusting()), server, host).first, "") << host;
    EXPECT_THAT(refusals(tls::context(trusting()), server, "d.org").first,
                HasSubstr("certificate is for a.org, not d.org"));
}

TEST(tls_trust, lets_a_function_choose_the_context) {
    const tls::context one(serving("one.org").alpn({"h2"}));
    const auto choose = [&](std::string_view name) -> std::optional<tls::context> {
        if (name == "one.org")
            return one;
        if (name == "bad.org")
            throw std::runtime_error("the list of hosts cannot be read");
        return std::nullopt;
    };
    const tls::context server(serving("a.org").choose(choose));
    const tls::context client(trusting().alpn({"h2"}));
    in_virtual_time([&]() -> task<> {
        tls_pair both = co_await tls_in_memory(client, server, "one.org");
        EXPECT_EQ(both.client_error + both.server_error, "");
        EXPECT_EQ(both.client->alpn(), "h2");
    });
    const auto said = refusals(tls::context(trusting()), server, "two.org");
    EXPECT_EQ(said.first, "tls handshake with two.org:left: the peer refused: unrecognized name");
    EXPECT_EQ(said.second, "tls handshake with two.org:right: the client asks for 'two.org', which is not served");
    EXPECT_THROW(refusals(tls::context(trusting()), server, "bad.org"), std::runtime_error);
}

TEST(tls_trust, asks_clients_for_their_certificates) {
    const authority clients("Client Authority");
    const auto asking = [&](tls::client_certificate policy) {
        return tls::context(serving().clients(policy, clients.pem()));
    };
    const tls::context alice(trusting().certificate(clients.sign(certificate_wish("alice"))));
    const tls::context mallory(trusting().certificate(authority("Other").sign(certificate_wish("mallory"))));
    const tls::context nobody(trusting());
    using enum tls::client_certificate;
    in_virtual_time([&]() -> task<> {
        const tls::context server = asking(required);
        for (const bool again : {false, true}) {
            tls_pair both = co_await tls_in_memory(alice, server);
            EXPECT_EQ(both.client_error + both.server_error, "");
            EXPECT_EQ(both.server->resumed(), again);
            EXPECT_EQ(both.server->peer_subject(), "CN=alice");
            co_await write_text(*both.server, "x");
            EXPECT_EQ(co_await read_some(*both.client), "x");
        }
        tls_pair anonymous = co_await tls_in_memory(nobody, asking(optional));
        EXPECT_EQ(anonymous.server->peer_subject(), "");
    });
    const auto no_one = refusals(nobody, asking(required));
    EXPECT_EQ(no_one.first, "read from a.org:left: the peer refused: tlsv13 alert certificate required");
    EXPECT_EQ(no_one.second, "tls handshake with a.org:right: the client showed no certificate");
    const auto wrong = refusals(mallory, asking(optional));
    EXPECT_EQ(wrong.first, "read from a.org:left: the peer refused: unknown CA");
    EXPECT_EQ(
        wrong.second,
        "tls handshake with a.org:right: certificate of client mallory was issued by an unknown authority (Other)");
}

/// A session of a host that asks nobody must not open one that asks for a certificate.
TEST(tls_trust, resumes_no_session_across_hosts) {
    const authority clients("Client Authority");
    const tls::context open(serving("a.org"));
    const tls::context closed(serving("a.org").clients(tls::client_certificate::required, clients.pem()));
    bool is_open = true;
    const auto choose = [&](std::string_view) { return std::optional(is_open ? open : closed); };
    const tls::context server(serving("a.org").choose(choose));
    for (const tls::version v : {tls::version::tls1_2, tls::version::tls1_3}) {
        const tls::context client(trusting().max_version(v));
        is_open = true;
        EXPECT_EQ(refusals(client, server).first, "");
        in_virtual_time([&]() -> task<> {
            tls_pair both = co_await tls_in_memory(client, server);
            co_await write_text(*both.server, "x");
            EXPECT_EQ(co_await read_some(*both.client), "x");
            tls_pair again = co_await tls_in_memory(client, server);
            EXPECT_TRUE(again.server->resumed());
            co_await write_text(*again.server, "x");
            EXPECT_EQ(co_await read_some(*again.client), "x");
        });
        is_open = false;
        EXPECT_EQ(refusals(client, server).second,
                  "tls handshake with a.org:right: the client showed no certificate");
    }
}

TEST(tls_trust, says_what_is_wrong_with_files_and_names) {
    const temporary_folder folder;
    const auto good = test_authority().sign("a.org");
    const auto other = test_authority().sign("a.org");
    std::ofstream(folder / "chain.pem") << good.chain();
    std::ofstream(folder / "key.pem") << good.key();
    std::ofstream(folder / "other.pem") << other.key();
    std::ofstream(folder / "empty.pem") << "";
    const std::string broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    std::ofstream(folder / "broken.pem") << good.chain() << broken;
    const auto served = [&](const std::string& chain, const std::string& key) {
        return error_of(
            [&] { (void)tls::context(tls::server_options(tls::identity::files(folder / chain, folder / key))); });
    };
    EXPECT_EQ(served("chain.pem", "key.pem"), "");
    EXPECT_EQ(served("missing.pem", "key.pem"), "tls: " + (folder / "missing.pem") + ": No such file or directory");
    EXPECT_EQ(served("empty.pem", "key.pem"), "tls: " + (folder / "empty.pem") + ": it is empty");
    EXPECT_EQ(served("", "key.pem"), "tls: " + (folder / "") + ": Is a directory");
    EXPECT_THAT(served("broken.pem", "key.pem"), HasSubstr("broken.pem")) << "it would be missed by clients only";
    EXPECT_THAT(served("chain.pem", "other.pem"), EndsWith("the key is not that of the certificate"));
    EXPECT_THAT(served("key.pem", "key.pem"), HasSubstr("no certificate in it"));
    EXPECT_THAT(served("chain.pem", "chain.pem"), HasSubstr("no private key that can be read"));
    const auto trusted = [](const std::string& pem) {
        return error_of([&] { (void)tls::context(tls::client_options().ca_pem(pem)); });
    };
    EXPECT_EQ(trusted("nonsense"), "tls: the authorities to trust: no certificate in it");
    EXPECT_THAT(trusted(broken), HasSubstr("the authorities to trust"));
    in_virtual_time([]() -> task<> {
        for (const std::string& host : {std::string("a.org\0.b.org", 12), std::string(), std::string(300, 'a')}) {
            auto [near, far] = ringlet::io::duplex();
            auto asked = tls::connect(std::move(near), host, tls::context(trusting()));
            EXPECT_THAT(co_await error_from(std::move(asked)), EndsWith("' is no host name"));
        }
    });
    EXPECT_EQ(errors_left_behind(), 0u);
}

}  // namespace net_tls_trust_test
