// See the header. Written against llhttp 8.1 and its public functions only, so 9 will do as well.
#include <ringlet/net/http_framer.hpp>

#include <llhttp.h>

#include <new>
#include <type_traits>

namespace ringlet::http::detail {
namespace {

llhttp_t* machine_in(std::byte* bytes) { return std::launder(reinterpret_cast<llhttp_t*>(bytes)); }
const llhttp_t* machine_in(const std::byte* bytes) { return std::launder(reinterpret_cast<const llhttp_t*>(bytes)); }

}  // namespace

struct framer::callbacks {
    static framer& owner(llhttp_t* machine) { return *static_cast<framer*>(machine->data); }

    // 1 means that no body follows, whatever the fields say.
    static int headers_complete(llhttp_t* machine) { return owner(machine).skip_body_ ? 1 : 0; }
    static int chunk_header(llhttp_t* machine) { return owner(machine).chunk_size_ = machine->content_length, 0; }
    static int body(llhttp_t* machine, const char*, std::size_t size) {
        return owner(machine).body_bytes_ += size, 0;
    }
    static int message_complete(llhttp_t* machine) { return owner(machine).complete_ = true, 0; }

    static const llhttp_settings_t* settings() {
        static const llhttp_settings_t the_one = [] {
            llhttp_settings_t s;
            llhttp_settings_init(&s);
            s.on_headers_complete = headers_complete;
            s.on_chunk_header = chunk_header;
            s.on_body = body;
            s.on_message_complete = message_complete;
            return s;
        }();
        return &the_one;
    }
};

framer::framer(bool requests) {
    static_assert(sizeof(llhttp_t) <= sizeof machine_ && alignof(llhttp_t) <= 8 &&
                  std::is_trivially_copyable_v<llhttp_t>);
    llhttp_init(new (machine_) llhttp_t, requests ? HTTP_REQUEST : HTTP_RESPONSE, callbacks::settings());
}

void framer::reset() {
    llhttp_reset(machine_in(machine_));
    skip_body_ = complete_ = false;
    chunk_size_ = 0;
    body_bytes_ = 0;
}

bool framer::tell(std::string_view bytes) {
    auto* machine = machine_in(machine_);
    machine->data = this;  // here and not once, because a framer can be copied and moved
    body_bytes_ = 0;
    const auto verdict = llhttp_execute(machine, bytes.data(), bytes.size());
    return verdict == HPE_OK || verdict == HPE_PAUSED_UPGRADE;
}

bool framer::tell_end() {
    auto* machine = machine_in(machine_);
    machine->data = this;
    return llhttp_finish(machine) == HPE_OK && complete_;
}

bool framer::refused_target() const { return llhttp_get_errno(machine_in(machine_)) == HPE_INVALID_URL; }

}  // namespace ringlet::http::detail
