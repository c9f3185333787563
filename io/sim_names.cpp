#include "sim_names_private.hpp"

#include <arpa/nameser.h>

#include <cctype>

namespace ringlet::sim {
namespace {

constexpr std::size_t header_size = 12;

/// Reads the name of the question, "a.b", and moves `at` behind it. Compression has no place there.
bool read_name(std::span<const std::byte> from, std::size_t& at, std::string& name) {
    for (;;) {
        if (at >= from.size())
            return false;
        const auto length = std::to_integer<std::size_t>(from[at++]);
        if (length == 0)
            return true;
        if (length > 63 || at + length > from.size())
            return false;
        if (!name.empty())
            name += '.';
        for (std::size_t i = 0; i < length; ++i)
            name += static_cast<char>(std::tolower(std::to_integer<unsigned char>(from[at + i])));
        at += length;
    }
}

void append(std::vector<std::byte>& to, std::initializer_list<unsigned> numbers) {
    for (const unsigned n : numbers) {  // 16 bits each
        to.push_back(static_cast<std::byte>(n >> 8));
        to.push_back(static_cast<std::byte>(n));
    }
}

}  // namespace

std::vector<std::byte> answer_from_name_server(machines& hosts, std::span<const std::byte> question) {
    std::string name;
    std::size_t end = header_size;
    if (question.size() < header_size || !read_name(question, end, name) || end + 4 > question.size())
        return {};
    const auto type = std::to_integer<unsigned>(question[end]) << 8 | std::to_integer<unsigned>(question[end + 1]);
    end += 4;

    const machine* found = hosts.find(name);
    const bool v4 = found != nullptr && type == ns_t_a;
    const bool v6 = found != nullptr && type == ns_t_aaaa;
    std::vector<std::byte> reply(question.begin(), question.begin() + 2);
    append(reply, {0x8580U | (found == nullptr ? unsigned(ns_r_nxdomain) : 0U), 1, v4 || v6, 0, 0});
    reply.insert(reply.end(), question.begin() + header_size, question.begin() + static_cast<std::ptrdiff_t>(end));
    if (v4 || v6) {
        constexpr unsigned name_of_question = 0xc00c;
        constexpr unsigned ttl = 60;
        const ip_address ip = v4 ? ip_of(found->number) : ip6_of(found->number);
        const std::size_t size = v4 ? 4 : ip.size();
        append(reply, {name_of_question, type, ns_c_in, 0, ttl, static_cast<unsigned>(size)});
        for (std::size_t i = ip.size() - size; i < ip.size(); ++i)
            reply.push_back(std::byte(ip[i]));
    }
    return reply;
}

}  // namespace ringlet::sim
