#pragma once
// What is said to proxies and what they answer, as functions of bytes. `act` begins their errors.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace ringlet::net::detail {

// RFC 1928 sections 3 to 6, RFC 1929 section 2.
inline constexpr char socks5_no_login = 0;
inline constexpr char socks5_password = 2;

std::string socks5_greeting(bool has_password);
/// Which of the two the proxy chose, from two bytes.
char socks5_method(std::string_view answer, bool has_password, const std::string& act);
std::string socks5_login(std::string_view username, std::string_view password, const std::string& act);
void check_socks5_login(std::string_view answer, const std::string& act);
std::string socks5_request(const std::string& host, std::uint16_t port, const std::string& act);
/// From its first five bytes: how many are left of the answer.
std::size_t check_socks5_reply(std::string_view head, const std::string& act);

inline constexpr std::size_t longest_connect_head = 16 * 1024;
std::string connect_request(const std::string& target, const std::string& username, const std::string& password);
void check_connect_response(std::string_view head, const std::string& act);

}  // namespace ringlet::net::detail
