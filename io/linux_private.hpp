#pragma once
// What liburing 2.3 (Debian 12) does not name yet. A newer liburing may define these; whether the
// running kernel knows them is always probed, never assumed.

#include <liburing.h>

#ifndef IORING_ENTER_ABS_TIMER
#define IORING_ENTER_ABS_TIMER (1U << 5)
#endif
#ifndef IORING_ENTER_NO_IOWAIT
#define IORING_ENTER_NO_IOWAIT (1U << 7)
#endif
#ifndef IORING_FEAT_NO_IOWAIT
#define IORING_FEAT_NO_IOWAIT (1U << 17)
#endif

// Operation codes and socket commands are enumerators in newer headers, which a macro of the same
// value does not disturb once the header has been read.
#ifndef IORING_OP_BIND
#define IORING_OP_BIND 56
#endif
#ifndef IORING_OP_LISTEN
#define IORING_OP_LISTEN 57
#endif
#ifndef IORING_OP_FTRUNCATE
#define IORING_OP_FTRUNCATE 55
#endif
#ifndef IORING_OP_PIPE
#define IORING_OP_PIPE 62
#endif
#ifndef SOCKET_URING_OP_GETSOCKOPT
#define SOCKET_URING_OP_GETSOCKOPT 2
#endif
#ifndef SOCKET_URING_OP_SETSOCKOPT
#define SOCKET_URING_OP_SETSOCKOPT 3
#endif
#ifndef SOCKET_URING_OP_GETSOCKNAME
#define SOCKET_URING_OP_GETSOCKNAME 5
#endif
#ifndef RWF_NOSIGNAL
#define RWF_NOSIGNAL 0x00000100
#endif
#ifndef IORING_ASYNC_CANCEL_USERDATA
#define IORING_ASYNC_CANCEL_USERDATA (1U << 4)
#endif
#ifndef IORING_ASYNC_CANCEL_OP
#define IORING_ASYNC_CANCEL_OP (1U << 5)
#endif
