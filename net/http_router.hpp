#pragma once
// Which handler answers which method and path. A pattern is a path whose segments are texts, `{name}`
// for one segment of any kind, or at the end `{name...}` for all that is left, even nothing:
//
//     /users/{id}/files/{path...}
//
// A text is preferred to a name, a name to the rest, whatever the order of adding. Paths are compared
// segment by segment after percent-decoding, so that "/%61" cannot slip past a route for "/a".

#include <ringlet/net/http_handler.hpp>
#include <ringlet/net/http_parameters.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ringlet::http {

/// What a router found. Views are into the path that was looked for and into the router.
class route_match {
public:
    const handler* answer = nullptr;  // null: nobody answers
    std::string_view allowed;  // the methods of a path that does not have this one, for Allow
    http::parameters parameters;
};

class router {
public:
    /// An empty method stands for all. Throws std::invalid_argument for a pattern that is none, that
    /// has more than parameters::most names, or that is there already with this method.
    void add(std::string_view method, std::string_view pattern, handler h);

    /// GET answers HEAD too, when nobody else does. Allocates nothing.
    void find(std::string_view method, std::string_view path, route_match& found) const;

    /// The methods of all routes, for "OPTIONS *".
    const std::string& methods() const noexcept { return methods_; }

private:
    struct entry {
        std::string method;
        std::vector<std::string> names;
        handler answer;
    };
    struct place {
        std::vector<entry> entries;
        std::string allowed;
    };
    struct node {
        std::vector<std::pair<std::string, std::unique_ptr<node>>> texts;
        std::unique_ptr<node> any;  // of {name}
        place here;
        place below;  // of {name...}
    };
    struct search;

    static void put(place& where, std::string_view pattern, entry e);
    node root_;
    std::string methods_;
};

}  // namespace ringlet::http
