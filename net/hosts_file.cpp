#include <ringlet/net/hosts_file_private.hpp>

#include "ascii_private.hpp"

#include <algorithm>

namespace ringlet::net::detail {

hosts parse_hosts(std::string_view text) {
    hosts entries;
    while (!text.empty()) {
        std::string_view line = next_line(text);
        line = line.substr(0, line.find('#'));
        const auto where = address::try_ip(next_word(line), 0);
        if (!where)
            continue;
        for (std::string_view word = next_word(line); !word.empty(); word = next_word(line)) {
            std::string name(word);
            std::ranges::transform(name, name.begin(), ascii::lower);
            auto& known = entries[std::move(name)];
            if (std::ranges::find(known, *where) == known.end())
                known.push_back(*where);
        }
    }
    return entries;
}

const std::vector<address>& hosts_file::find(const std::string& name) {
    static const std::vector<address> none;
    if (file_.changed())
        entries_ = parse_hosts(file_.take_text());
    const auto found = entries_.find(name);
    return found != entries_.end() ? found->second : none;
}

}  // namespace ringlet::net::detail
