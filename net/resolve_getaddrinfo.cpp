// Names asked for by getaddrinfo(3) on a helper thread. It cannot be stopped midway: who gives up leaves
// at once, and its answer is dropped when it comes.
#include <ringlet/net/name_query_private.hpp>

#include <ringlet/core/offload.hpp>
#include <ringlet/core/result.hpp>
#include <ringlet/core/spawn.hpp>
#include <ringlet/net/resolve_error.hpp>

#include <cerrno>

namespace ringlet::net::detail {
namespace {

std::error_code code_of(int outcome, int error) {
    switch (outcome) {
        case EAI_NONAME: return resolve_errc::not_found;
#ifdef EAI_NODATA  // of glibc, with _GNU_SOURCE
        case EAI_NODATA:
        case EAI_ADDRFAMILY: return resolve_errc::no_addresses;
#endif
        case EAI_AGAIN:
        case EAI_FAIL: return resolve_errc::server_failed;
        case EAI_MEMORY: return std::make_error_code(std::errc::not_enough_memory);
        case EAI_SYSTEM: return {error, std::system_category()};
        default: return resolve_errc::bad_answer;
    }
}

/// Runs on the helper thread.
name_answer look_up(lookup_function lookup, const std::string& name, int family) {
    addrinfo hints{};
    hints.ai_family = family;
    hints.ai_socktype = SOCK_STREAM;  // else every address comes once for each type
    addrinfo* list = nullptr;
    name_answer answer;
    if (const int outcome = lookup(name.c_str(), nullptr, &hints, &list); outcome != 0) {
        answer.error = code_of(outcome, errno);
        return answer;
    }
    for (const addrinfo* each = list; each != nullptr; each = each->ai_next)
        answer.addresses.push_back(address::from(each->ai_addr, each->ai_addrlen));
    freeaddrinfo(list);
    if (answer.addresses.empty())
        answer.error = resolve_errc::no_addresses;
    return answer;
}

class libc_question final : public name_query {
public:
    libc_question(const std::string& name, int family, name_asker& asker, lookup_function lookup)
        : asker_(std::make_shared<name_asker*>(&asker)),
          asking_(spawn(spawn_options().name("getaddrinfo " + name), &libc_question::run, lookup, name, family,
                        asker_)) {}
    ~libc_question() override {
        if (std::exchange(*asker_, nullptr) != nullptr)
            asking_.kill();
    }

private:
    static task<> run(lookup_function lookup, std::string name, int family, std::shared_ptr<name_asker*> asker) {
        auto called = as_result(offload_owning([=] { return look_up(lookup, name, family); }));
        auto got = co_await std::move(called);
        name_answer answer;
        if (got)
            answer = std::move(*got);
        else
            answer.error = got.error();
        if (name_asker* const whom = std::exchange(*asker, nullptr))  // it destroys the question
            whom->answered(std::move(answer));
    }

    std::shared_ptr<name_asker*> asker_;  // null once it was told, or wants to hear no more
    greenlet<> asking_;
};

}  // namespace

std::unique_ptr<name_query> ask_getaddrinfo(const std::string& name, int family, name_asker& asker,
                                            lookup_function lookup) {
    return std::make_unique<libc_question>(name, family, asker, lookup);
}

}  // namespace ringlet::net::detail
