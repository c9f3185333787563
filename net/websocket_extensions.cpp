#include <ringlet/net/websocket_extensions_private.hpp>

#include <ringlet/net/ascii_private.hpp>
#include <ringlet/net/websocket_deflate_private.hpp>

#include <algorithm>
#include <vector>

namespace ringlet::http::detail {
namespace {

namespace ascii = net::ascii;

constexpr std::string_view field_name = "sec-websocket-extensions", deflate_name = "permessage-deflate";

struct extension {
    struct parameter {
        std::string_view name;
        std::optional<std::string_view> value;
    };
    std::string_view name;
    std::vector<parameter> parameters;
};

// --- the form ----------------------------------------------------------------------------------------

class reader {
public:
    explicit reader(std::string_view text) : rest_(text) {}

    bool at_end() {
        rest_ = ascii::trim(rest_);
        return rest_.empty();
    }
    bool take(char c) {
        if (at_end() || rest_.front() != c)
            return false;
        rest_.remove_prefix(1);
        return true;
    }
    /// A token, bare or in quotes; empty: there is none. A token needs no backslash in its quotes.
    std::string_view word(bool may_be_quoted) {
        const bool quoted = may_be_quoted && take('"');
        if (!quoted && at_end())
            return {};
        std::size_t size = 0;
        while (size < rest_.size() && ascii::is_token_char(rest_[size]))
            ++size;
        const std::string_view found = rest_.substr(0, size);
        rest_.remove_prefix(size);
        return quoted && !take('"') ? std::string_view() : found;
    }

private:
    std::string_view rest_;
};

/// None when the text is not of the form.
std::optional<extension> read_extension(reader& in) {
    extension e{in.word(false), {}};
    if (e.name.empty())
        return std::nullopt;
    while (in.take(';')) {
        extension::parameter p{in.word(false), {}};
        if (p.name.empty())
            return std::nullopt;
        if (in.take('=')) {
            p.value = in.word(true);
            if (p.value->empty())
                return std::nullopt;
        }
        e.parameters.push_back(p);
    }
    return e;
}

std::optional<std::vector<extension>> read_extensions(const fields& f) {
    std::vector<extension> all;
    for (const std::string_view line : f.get_all(field_name)) {
        reader in(line);
        do {
            std::optional<extension> one = read_extension(in);
            if (!one)
                return std::nullopt;
            all.push_back(std::move(*one));
        } while (in.take(','));
        if (!in.at_end())
            return std::nullopt;
    }
    return all;
}

// --- the parameters ----------------------------------------------------------------------------------

struct deflate_parameters {
    bool server_forgets = false, client_forgets = false;
    std::optional<int> server_bits, client_bits;
    bool client_bits_named = false;  // perhaps without a value
};

/// 8 to 15 without leading zeros.
std::optional<int> bits_of(std::string_view text) {
    if (text == "8" || text == "9")
        return text[0] - '0';
    if (text.size() == 2 && text[0] == '1' && text[1] >= '0' && text[1] <= '5')
        return 10 + text[1] - '0';
    return std::nullopt;
}

/// None when a parameter is unknown, or there twice, or has a value that it may not have.
std::optional<deflate_parameters> read_parameters(const extension& e) {
    deflate_parameters p;
    const auto flag = [](bool& place, const extension::parameter& given) {
        return !given.value && !std::exchange(place, true);
    };
    const auto bits = [](std::optional<int>& place, const extension::parameter& given) {
        const bool first = !place;
        place = given.value ? bits_of(*given.value) : std::nullopt;
        return first && place.has_value();
    };
    for (const extension::parameter& given : e.parameters) {
        bool fine = false;
        if (given.name == "server_no_context_takeover")
            fine = flag(p.server_forgets, given);
        else if (given.name == "client_no_context_takeover")
            fine = flag(p.client_forgets, given);
        else if (given.name == "server_max_window_bits")
            fine = bits(p.server_bits, given);
        else if (given.name == "client_max_window_bits")
            fine = !std::exchange(p.client_bits_named, true) && (!given.value || bits(p.client_bits, given));
        if (!fine)
            return std::nullopt;
    }
    return p;
}

std::string text_of(const deflate_parameters& p) {
    std::string text(deflate_name);
    if (p.server_forgets)
        text += "; server_no_context_takeover";
    if (p.client_forgets)
        text += "; client_no_context_takeover";
    if (p.server_bits)
        text += "; server_max_window_bits=" + std::to_string(*p.server_bits);
    if (p.client_bits)
        text += "; client_max_window_bits=" + std::to_string(*p.client_bits);
    return text;
}

/// What `how` wants, as a client offers it.
deflate_parameters wanted(const message_compression& how) {
    deflate_parameters p;
    p.server_forgets = p.client_forgets = !how.keep_context();
    p.server_bits = p.client_bits = how.window_bits();
    return p;
}

}  // namespace

extension_choice choose_extensions(const fields& asked, const websocket_options& options) {
    const auto offers = read_extensions(asked);
    if (!offers)
        return {"Sec-WebSocket-Extensions is not a list of extensions", {}, {}};
    if (!options.compression() || !can_deflate())
        return {};
    const deflate_parameters ours = wanted(*options.compression());
    for (const extension& offer : *offers) {
        const auto theirs = offer.name == deflate_name ? read_parameters(offer) : std::nullopt;
        if (!theirs)
            continue;
        deflate_parameters both;
        both.server_forgets = ours.server_forgets || theirs->server_forgets;
        both.client_forgets = ours.client_forgets || theirs->client_forgets;
        both.server_bits = std::min(*ours.server_bits, theirs->server_bits.value_or(15));
        if (both.server_bits == 15 && !theirs->server_bits)
            both.server_bits.reset();
        // Only who said the word can be asked to use a smaller window (section 7.1.2.2).
        if (theirs->client_bits_named)
            both.client_bits = std::min(*ours.client_bits, theirs->client_bits.value_or(15));
        agreed_compression agreed;
        agreed.sent_bits = both.server_bits.value_or(15);
        agreed.received_bits = both.client_bits.value_or(15);
        agreed.sender_forgets = both.server_forgets;
        agreed.receiver_forgets = both.client_forgets;
        return {{}, agreed, text_of(both)};
    }
    return {};
}

std::string offered_extensions(const websocket_options& options) {
    return options.compression() && can_deflate() ? text_of(wanted(*options.compression())) : std::string();
}

extension_choice judge_extensions(const fields& answered, const websocket_options& options) {
    const auto chosen = read_extensions(answered);
    if (!chosen)
        return {"Sec-WebSocket-Extensions is not a list of extensions", {}, {}};
    if (chosen->empty())
        return {};
    if (!options.compression() || !can_deflate() || chosen->size() > 1 || chosen->front().name != deflate_name)
        return {"the server uses an extension that was not asked for", {}, {}};
    const auto theirs = read_parameters(chosen->front());
    const deflate_parameters ours = wanted(*options.compression());
    // A server that does not know how to use a smaller window says nothing of it, though it should have
    // declined (section 7.1.2.1); then there is room for its large one.
    if (!theirs || (theirs->client_bits_named && !theirs->client_bits) || theirs->server_bits > ours.server_bits)
        return {"the server compresses in a way that was not offered", {}, {}};
    agreed_compression agreed;
    agreed.sent_bits = std::min(*ours.client_bits, theirs->client_bits.value_or(15));
    agreed.received_bits = theirs->server_bits.value_or(15);
    agreed.sender_forgets = ours.client_forgets || theirs->client_forgets;
    agreed.receiver_forgets = theirs->server_forgets;
    return {{}, agreed, {}};
}

}  // namespace ringlet::http::detail
