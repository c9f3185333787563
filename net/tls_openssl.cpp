#include <ringlet/net/tls_openssl_private.hpp>

#include <arpa/inet.h>
#include <openssl/x509v3.h>

#include <array>
#include <cstdio>
#include <ctime>

namespace ringlet::tls::detail {
namespace {

using names_ptr = std::unique_ptr<GENERAL_NAMES, freed_by<GENERAL_NAMES_free>>;

std::string_view text_of(const ASN1_STRING* s) {
    return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(s)), static_cast<std::size_t>(ASN1_STRING_length(s))};
}

std::string ip_of(std::string_view bytes) {
    char text[INET6_ADDRSTRLEN] = "?";
    if (bytes.size() == 4)
        inet_ntop(AF_INET, bytes.data(), text, sizeof text);
    else if (bytes.size() == 16)
        inet_ntop(AF_INET6, bytes.data(), text, sizeof text);
    return text;
}

}  // namespace

std::string printable(std::string_view text) {
    std::string result;
    for (const char c : text.substr(0, 255))
        result += c >= ' ' && c < 127 ? c : '?';
    return result;
}

std::string take_error() {
    const unsigned long first = ERR_get_error();
    ERR_clear_error();
    if (first == 0)
        return "unknown error";
    if (ERR_SYSTEM_ERROR(first))
        return std::error_code(ERR_GET_REASON(first), std::system_category()).message();
    if (const char* reason = ERR_reason_error_string(first))
        return reason;
    return "error " + std::to_string(ERR_GET_REASON(first));
}

bio_ptr reader_of(std::string_view text) {
    bio_ptr bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
    if (!bio)
        throw std::bad_alloc();
    return bio;
}

std::string date_of(const ASN1_TIME* when) {
    std::tm parts{};
    std::array<char, 32> text{};
    if (ASN1_TIME_to_tm(when, &parts) != 1 || std::strftime(text.data(), text.size(), "%Y-%m-%d", &parts) == 0)
        return "a date that makes no sense";
    return text.data();
}

std::string name_of(const X509_NAME* name) {
    const int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
    if (at >= 0)
        return printable(text_of(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at))));
    bio_ptr out(BIO_new(BIO_s_mem()));
    if (!out || X509_NAME_print_ex(out.get(), name, 0, XN_FLAG_RFC2253) < 0)
        return "?";
    char* data = nullptr;
    const long size = BIO_get_mem_data(out.get(), &data);
    return size > 0 ? printable({data, static_cast<std::size_t>(size)}) : "nobody";
}

std::string names_of(X509* certificate) {
    const names_ptr all(
        static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
    std::string text;
    for (int i = 0; all && i < sk_GENERAL_NAME_num(all.get()) && text.size() < 200; ++i) {
        const GENERAL_NAME* each = sk_GENERAL_NAME_value(all.get(), i);
        std::string name;
        if (each->type == GEN_DNS)
            name = printable(text_of(each->d.dNSName));
        else if (each->type == GEN_IPADD)
            name = ip_of(text_of(each->d.iPAddress));
        if (!name.empty())
            text += (text.empty() ? "" : ", ") + name;
    }
    return text.empty() ? name_of(X509_get_subject_name(certificate)) : text;
}

std::string pin_of(X509* certificate) {
    unsigned char* key = nullptr;
    const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &key);
    if (size <= 0)
        return {};
    const std::unique_ptr<unsigned char, decltype([](unsigned char* p) { OPENSSL_free(p); })> owner(key);
    std::array<unsigned char, 32> hash{};
    std::array<unsigned char, 48> text{};
    if (EVP_Digest(key, static_cast<std::size_t>(size), hash.data(), nullptr, EVP_sha256(), nullptr) != 1)
        return {};
    EVP_EncodeBlock(text.data(), hash.data(), static_cast<int>(hash.size()));
    return "sha256/" + std::string(reinterpret_cast<const char*>(text.data()));
}

}  // namespace ringlet::tls::detail
