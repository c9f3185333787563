#pragma once
// How the client reaches an https url.

#include <ringlet/core/task.hpp>
#include <ringlet/io/stream.hpp>
#include <ringlet/net/url.hpp>

namespace ringlet::http::detail {

/// Awaitable: an encrypted stream to the server that this url names.
task<io::any_stream> connect_securely(const net::url& to);

}  // namespace ringlet::http::detail
