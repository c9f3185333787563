#pragma once
// TLS 1.2 and 1.3 over any stream: what is trusted and shown (tls_context.hpp), the encrypted stream
// (tls_stream.hpp), and what can go wrong (tls_error.hpp). Built when OpenSSL 3 was found.
//
//     tls::context trusted;                                 // the machine's authorities
//     tls::stream s = co_await tls::connect("example.org", 443, trusted);

#include <ringlet/net/tls_context.hpp>
#include <ringlet/net/tls_error.hpp>
#include <ringlet/net/tls_stream.hpp>
