// Whom a TLS peer believes, and how it says that it does not.

#include "support/tls_world.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace story {

using testing::HasSubstr;

std::string client_says(const tls::context& server, const std::string& host = "a.org") {
    return refusals(tls::context(trusting()), server, host).first;
}

TEST(tls_trust, believes_a_certificate_for_the_host) {
    EXPECT_EQ(client_says(tls::context(serving("a.org"))), "");
    EXPECT_EQ(client_says(tls::context(serving("*.a.org")), "www.a.org"), "");
    EXPECT_EQ(client_says(tls::context(serving("a.org")), "A.ORG"), "");
    EXPECT_EQ(client_says(tls::context(serving("a.org")), "a.org."), "");
}
}  // namespace story
