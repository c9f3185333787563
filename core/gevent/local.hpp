#pragma once
// gevent.local: what a greenlet keeps for itself. Python's has any attributes; here they are the members
// of a struct:
//
//     struct request_data { int id = 0; std::string user; };
//     gevent::local<request_data> data;
//     data->id = 7;

#include <ringlet/core/greenlet_local.hpp>

namespace ringlet::gevent {

template <class T>
using local = greenlet_local<T>;

}  // namespace ringlet::gevent
