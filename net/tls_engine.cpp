#include <ringlet/net/tls_engine_private.hpp>

#include <ringlet/core/check.hpp>
#include <ringlet/net/address.hpp>
#include <ringlet/net/idn_private.hpp>
#include "ascii_private.hpp"

#include <openssl/x509v3.h>

#include <algorithm>
#include <cstring>
#include <new>

namespace ringlet::tls::detail {
namespace {

constexpr std::size_t least_room = 1024;
constexpr std::size_t most_room = 32 * 1024;

/// What an idle engine may keep, so that small messages cost no allocation.
constexpr std::size_t idle_room = 4 * 1024;

/// As a name in a certificate is compared: no brackets, no zone, no dot at the end.
std::string bare(std::string host) {
    if (host.starts_with('[') && host.ends_with(']'))
        host = host.substr(1, host.size() - 2);
    if (host.find(':') != host.npos)
        host = host.substr(0, host.find('%'));
    if (host.ends_with('.'))
        host.pop_back();
    return host;
}

/// SSL_set_tlsext_host_name without its cast, which warns.
bool set_server_name(SSL* ssl, std::string& name) {
    return SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name.data()) == 1;
}

}  // namespace

engine::engine(const context& with, std::string host, std::string peer)
    : with_(with.held()), usual_alpn_(with.usual_alpn()), host_(bare(std::move(host))), peer_(std::move(peer)) {
    const clean_errors clean;
    ssl_.reset(SSL_new(with_->ctx.front().get()));
    BIO* bio = ssl_ ? BIO_new(bio_method()) : nullptr;
    if (bio == nullptr)
        throw std::bad_alloc();
    BIO_set_data(bio, this);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl_.get(), bio, bio);
    SSL_set_ex_data(ssl_.get(), 0, this);
    if (with_->server)
        SSL_set_accept_state(ssl_.get());
    else
        begin_client();
}

void engine::begin_client() {
    SSL* ssl = ssl_.get();
    SSL_set_connect_state(ssl);
    if (!net::ascii::is_ascii(host_)) {
        std::string reason, name = net::detail::to_ascii_name(host_, reason);
        if (name.empty())
            fail("tls handshake with", errc::bad_configuration, "'" + printable(host_) + "' " + reason);
        host_ = std::move(name);
    }
    X509_VERIFY_PARAM* checks = SSL_get0_param(ssl);
    X509_VERIFY_PARAM_set_hostflags(checks,
                                    X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    // OpenSSL takes what begins with a dot for all names below.
    bool fits = !host_.empty() && host_.front() != '.' && host_.size() <= 255 && host_.find('\0') == host_.npos;
    if (net::address::try_ip(host_, 0)) {
        fits = X509_VERIFY_PARAM_set1_ip_asc(checks, host_.c_str()) == 1;
    } else if (fits) {
        // RFC 6066 section 3: a name, never an address.
        fits = X509_VERIFY_PARAM_set1_host(checks, host_.data(), host_.size()) == 1 && set_server_name(ssl, host_);
        server_name_ = host_;
    }
    if (!fits)
        fail("tls handshake with", errc::bad_configuration, "'" + printable(host_) + "' is no host name");
    const std::string& alpn = with_->alpn.empty() ? usual_alpn_ : with_->alpn;
    if (!alpn.empty())  // 0 means success, here only
        SSL_set_alpn_protos(ssl, reinterpret_cast<const unsigned char*>(alpn.data()),
                            static_cast<unsigned>(alpn.size()));
    if (const session_ptr former = with_->sessions.take(host_))
        SSL_set_session(ssl, former.get());
}

// --- bytes -------------------------------------------------------------------------------------------

BIO_METHOD* engine::bio_method() {
    static BIO_METHOD* const ours = [] {
        BIO_METHOD* m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "ringlet");
        if (m == nullptr)
            throw std::bad_alloc();
        BIO_meth_set_read(m, &give);
        BIO_meth_set_write(m, &take);
        BIO_meth_set_ctrl(m, [](BIO*, int what, long, void*) noexcept -> long { return what == BIO_CTRL_FLUSH; });
        return m;
    }();
    return ours;
}

int engine::give(BIO* bio, char* into, int size) noexcept {
    engine& self = *static_cast<engine*>(BIO_get_data(bio));
    BIO_clear_retry_flags(bio);
    const std::size_t count = std::min(self.in_end_ - self.in_start_, static_cast<std::size_t>(std::max(size, 0)));
    if (count == 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    std::memcpy(into, self.in_.data() + self.in_start_, count);
    self.in_start_ += count;
    return static_cast<int>(count);
}

int engine::take(BIO* bio, const char* from, int size) noexcept {
    engine& self = *static_cast<engine*>(BIO_get_data(bio));
    BIO_clear_retry_flags(bio);
    try {
        const auto* bytes = reinterpret_cast<const std::byte*>(from);
        self.out.insert(self.out.end(), bytes, bytes + size);
        return size;
    } catch (...) {
        self.thrown_ = std::current_exception();
        return -1;
    }
}

std::span<std::byte> engine::room() {
    ringlet::check(in_start_ == in_end_, "tls: bytes were asked for while there are some");
    if (in_.size() != next_room_) {
        pooled_bytes().swap(in_);  // first give back, then take
        in_.resize(next_room_);
    }
    return std::as_writable_bytes(std::span(in_));
}

/// Small rooms that were filled grow, large ones that were not shrink: an idle connection waits in a
/// small one, a busy one takes two records at a time.
void engine::filled(std::size_t count) noexcept {
    in_start_ = 0;
    in_end_ = count;
    if (count == in_.size())
        next_room_ = std::min(in_.size() * 4, most_room);
    else if (count < in_.size() / 8)
        next_room_ = std::max(in_.size() / 4, least_room);
}

// --- what it does ------------------------------------------------------------------------------------

bool engine::handshake() {
    const clean_errors clean;
    const int outcome = SSL_do_handshake(ssl_.get());
    const OSSL_HANDSHAKE_STATE at = SSL_get_state(ssl_.get());
    heard_ = at != TLS_ST_BEFORE && at != TLS_ST_CW_CLNT_HELLO;
    return outcome == 1 || !wants_bytes(outcome, "tls handshake with");
}

std::size_t engine::read(std::span<std::byte> into) {
    const clean_errors clean;
    if (later_)
        std::rethrow_exception(later_);
    std::size_t done = 0;
    while (done < into.size() && !ended_) {
        std::size_t count = 0;
        const int outcome = SSL_read_ex(ssl_.get(), into.data() + done, into.size() - done, &count);
        done += count;
        if (outcome == 1) {
            if (in_start_ == in_end_ && SSL_pending(ssl_.get()) == 0)
                break;  // to ask once more would cost as much again
            continue;
        }
        try {
            if (wants_bytes(outcome, "read from"))
                break;
        } catch (...) {
            if (done == 0)
                throw;
            later_ = std::current_exception();  // first what is good
            break;
        }
    }
    if (in_start_ == in_end_ && in_.capacity() > idle_room && next_room_ < in_.size())
        pooled_bytes().swap(in_);
    return done;
}

void engine::write(std::span<const std::byte> from) {
    const clean_errors clean;
    std::size_t count = 0;
    if (from.empty())
        return;
    written_ += from.size();
    if (written_ > rekey_after && SSL_version(ssl_.get()) >= TLS1_3_VERSION) {
        written_ = from.size();
        SSL_key_update(ssl_.get(), SSL_KEY_UPDATE_NOT_REQUESTED);  // goes with the next record
    }
    const int outcome = SSL_write_ex(ssl_.get(), from.data(), from.size(), &count);
    if (outcome != 1 && wants_bytes(outcome, "write to"))
        fail("write to", errc::protocol, "the peer has to be heard first");
}

void engine::finish() {
    const clean_errors clean;
    SSL_shutdown(ssl_.get());
}

void engine::update_keys() {
    const clean_errors clean;
    if (SSL_version(ssl_.get()) < TLS1_3_VERSION)
        fail("update the keys of", errc::protocol, std::string(SSL_get_version(ssl_.get())) + " has no key updates");
    if (SSL_key_update(ssl_.get(), SSL_KEY_UPDATE_REQUESTED) != 1 || SSL_do_handshake(ssl_.get()) != 1)
        fail("update the keys of");
}

// --- what can go wrong -------------------------------------------------------------------------------

/// False when the peer is done; throws when something is wrong.
bool engine::wants_bytes(int outcome, const char* act) {
    if (thrown_)
        std::rethrow_exception(std::exchange(thrown_, nullptr));
    switch (SSL_get_error(ssl_.get(), outcome)) {
        case SSL_ERROR_WANT_READ: return true;
        case SSL_ERROR_ZERO_RETURN: ended_ = true; return false;
        default: fail(act);
    }
}

void engine::fail(const char* act) {
    const int reason = ERR_GET_REASON(ERR_peek_error());
    const std::string cause = take_error();
    if (!verdict_.second.empty())
        fail(act, verdict_.first, verdict_.second);
    if (reason > SSL_AD_REASON_OFFSET) {
        const std::string alert = SSL_alert_desc_string_long(reason - SSL_AD_REASON_OFFSET);
        fail(act, errc::refused, "the peer refused: " + (alert == "unknown" ? cause : alert));
    }
    const bool nonsense =
        reason == SSL_R_WRONG_VERSION_NUMBER || reason == SSL_R_HTTP_REQUEST || reason == SSL_R_HTTPS_PROXY_REQUEST;
    if (nonsense && !heard_)
        fail(act, errc::not_tls, "the peer does not speak TLS");
    if (reason == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE)
        fail(act, errc::no_certificate, "the client showed no certificate");
    fail(act, errc::protocol, cause);
}

void engine::fail(const char* act, errc why, const std::string& text) const {
    throw error(why, std::string(act) + ' ' + peer_ + ": " + text);
}

}  // namespace ringlet::tls::detail
