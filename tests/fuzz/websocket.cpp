// Frames: whatever comes, a websocket ends in order, and what it heard and said does not depend on how the
// bytes were cut. The first three bytes choose the cuts, the highest bit among them whether messages may be
// compressed.
#include "http_fuzz.hpp"

#include <ringlet/core/run.hpp>
#include <ringlet/core/sleep.hpp>
#include <ringlet/io/memory_stream.hpp>
#include <ringlet/io/virtual_time.hpp>
#include <ringlet/net/websocket.hpp>

using namespace ringlet;

namespace {

task<std::string> hear_all(http::websocket& peer) {
    std::string told;
    try {
        while (std::optional<http::message> heard = co_await peer.receive()) {
            told += (heard->text ? "text " : "binary ") + heard->data + '\n';
            fuzz::require(heard->data.size() <= 1000);
        }
        told += "closed " + std::to_string(peer.peer_close_code());
    } catch (const http::websocket_error& e) {
        told += "error " + std::to_string(e.close_code());
    }
    co_return told;
}

struct outcome {
    std::string heard, said;
    bool reset = false;  // it had not read all; then what it had said is lost in this world
};

outcome read(std::string_view bytes, std::string_view sizes, bool compressed) {
    return run(io::make_virtual_time(), [&]() -> task<outcome> {
        auto ends = io::duplex(1 << 20);
        io::memory_stream& far = ends.second;
        const auto options = http::websocket_options().largest_message(1000);
        const auto talk = [&]() -> task<> {
            std::string_view rest = bytes;
            for (std::size_t turn = 0; !rest.empty(); ++turn) {
                const std::size_t wanted =
                    sizes.empty() ? 0 : static_cast<std::uint8_t>(sizes[turn % sizes.size()]) % 32u;
                const std::string_view piece = rest.substr(0, wanted == 0 ? rest.size() : wanted);
                rest.remove_prefix(piece.size());
                co_await far.write_all(io::bytes_of(piece));
                co_await yield();
            }
            co_await far.shutdown();
        };
        const auto talking = spawn(talk);
        outcome all;
        {
            std::optional<http::agreed_compression> agreed;
            if (compressed)
                agreed.emplace();
            http::websocket peer(io::any_stream(std::move(ends.first)), http::websocket::side::server, options, {},
                                 nullptr, agreed);
            all.heard = co_await hear_all(peer);
            co_await talking.join();
        }
        std::array<std::byte, 4096> said;
        try {
            while (const std::size_t count = co_await far.read(said))
                all.said.append(reinterpret_cast<const char*>(said.data()), count);
        } catch (const std::system_error&) {
            all.reset = true;
        }
        co_return all;
    });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 3)
        return 0;
    const std::string_view all(reinterpret_cast<const char*>(data), size);
    const bool compressed = (data[0] & 0x80) != 0;
    const outcome whole = read(all.substr(3), {}, compressed),
                  cut = read(all.substr(3), all.substr(0, 3), compressed);
    // A frame may be wrong in two ways (a close with a bad code and a bad text); which one is seen first
    // depends on the cut. That it is refused does not.
    const bool refused = whole.heard.find("error 10") != whole.heard.npos;
    const auto how_far = [](const outcome& o) { return o.heard.substr(0, o.heard.find("error 10")); };
    fuzz::require(refused ? how_far(whole) == how_far(cut) : whole.heard == cut.heard);
    fuzz::require(refused == (cut.heard.find("error 10") != cut.heard.npos));
    fuzz::require(refused || whole.reset || cut.reset || whole.said == cut.said);
    return 0;
}
