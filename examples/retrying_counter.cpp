// A service that must not count twice, tested in simulated worlds.
//
// A counter takes "add ID" and answers "ok TOTAL". A client that gets no answer asks again with the same
// ID, and the counter, which remembers IDs, must not add again. State is written to a file before the
// answer, so that it survives when the power fails. Yet there is a mistake in it: what is written is the
// total, and not which IDs are in it.
//
//     ./retrying_counter           looks for a seed that shows the mistake
//     ./retrying_counter --fixed   the same with a counter that writes the IDs as well
//     SIM_SEED=7 ./retrying_counter   runs that seed alone

#include <ringlet/core/group.hpp>
#include <ringlet/core/mutex.hpp>
#include <ringlet/core/sleep.hpp>
#include <ringlet/core/timeout.hpp>
#include <ringlet/io/buffered.hpp>
#include <ringlet/io/file.hpp>
#include <ringlet/io/ops.hpp>
#include <ringlet/io/sim.hpp>
#include <ringlet/net/tcp.hpp>

#include <cstdio>
#include <cstring>
#include <set>
#include <sstream>
#include <string>

using namespace ringlet;

// --- the service: nothing in it knows of a simulation --------------------------------------------------

class counter {
public:
    explicit counter(bool writes_ids) : writes_ids_(writes_ids) {}

    task<> serve(net::address where) {
        co_await load();
        auto listener = net::listen(where);
        auto accepting = [&](group& connections) -> task<> {
            for (;;) {
                net::tcp_stream peer = co_await listener.accept();
                connections.spawn([this](net::tcp_stream s) { return answer(std::move(s)); }, std::move(peer));
            }
        };
        co_await with_group(accepting);
    }

private:
    static constexpr const char* file = "/var/counter";

    task<> load() {
        std::string text;
        try {
            text = co_await io::read_file(file);
        } catch (const std::system_error& e) {
            if (e.code() == std::errc::no_such_file_or_directory)
                co_return;  // the first start
            throw;
        }
        std::istringstream words(text);
        words >> total_;
        for (std::string id; words >> id;)
            seen_.insert(id);
    }

    task<> save() {
        const auto alone = co_await saving_.lock();  // or an older state could replace a newer one
        std::string text = std::to_string(total_);
        if (writes_ids_)
            for (const std::string& id : seen_)
                text += " " + id;
        co_await io::write_file(file, text);
        // Until then a power failure may bring back the file that had this name before (fsync(2)).
        const io::fd folder = co_await io::openat(AT_FDCWD, "/var", O_RDONLY | O_DIRECTORY);
        co_await io::fsync(folder.get());
    }

    task<> answer(net::tcp_stream peer) {
        io::buffered in(std::move(peer));
        try {
            for (;;) {
                const auto line = co_await in.read_line();
                if (!line)
                    co_return;
                const std::string id = line->substr(std::strlen("add "));
                if (seen_.insert(id).second)
                    ++total_;
                co_await save();
                const std::string reply = "ok " + std::to_string(total_) + "\n";
                co_await in.write_all(io::bytes_of(reply));
            }
        } catch (const std::system_error&) {  // the end of the connection, or of the disk
        }
    }

    bool writes_ids_;
    unsigned total_ = 0;
    std::set<std::string> seen_;
    mutex saving_;
};

/// Asks until it is answered; gives the total.
task<unsigned> add(net::address server, std::string id) {
    const std::string request = "add " + id + "\n";
    for (;; co_await sleep_for(100ms)) {
        try {
            auto ask = [&]() -> task<unsigned> {
                io::buffered stream(co_await net::tcp_stream::connect(server));
                co_await stream.write_all(io::bytes_of(request));
                const std::string line = co_await stream.read_until("\n");
                co_return static_cast<unsigned>(std::stoul(line.substr(std::strlen("ok "))));
            };
            co_return co_await with_timeout(1s, ask);
        } catch (const std::system_error&) {}
    }
}

// --- the test ------------------------------------------------------------------------------------------

constexpr unsigned additions = 10;

void story(sim::world& w, bool fixed) {
    const sim::host server = w.host("server");
    const auto address = net::address::parse(server.ip() + ":9000");
    server.boot([fixed, address]() -> task<> {
        counter service(fixed);
        co_await service.serve(address);
    });
    unsigned last = 0;
    const auto client = w.host("client").spawn([&]() -> task<> {
        for (unsigned i = 1; i <= additions; ++i) {
            last = co_await add(address, "id" + std::to_string(i));
            co_await sleep_for(100ms);
        }
    });
    while (!client.ready()) {  // the power fails now and then
        w.run_for(w.between(10ms, 2s));
        server.crash();
        w.run_for(w.between(1ms, 500ms));
        server.restart();
    }
    await(client.get());
    if (last != additions)
        throw std::runtime_error(std::to_string(additions) + " additions were counted as " + std::to_string(last));
}

int main(int argc, char** argv) {
    const bool fixed = argc > 1 && std::strcmp(argv[1], "--fixed") == 0;
    const auto came = sim::explore(sim::seeds(1000), [fixed](sim::world& w) { story(w, fixed); });
    if (came) {
        std::printf("%llu seeds, and nothing is counted twice\n", static_cast<unsigned long long>(came.runs));
        return fixed ? 0 : 1;
    }
    std::printf("seed %llu: %s\n", static_cast<unsigned long long>(*came.failed), came.error.c_str());
    std::printf("again with: SIM_SEED=%llu %s\n", static_cast<unsigned long long>(*came.failed), argv[0]);
    return fixed ? 1 : 0;
}
