// A program of somebody else's, built against an installed ringlet.
#include <iostream>
#include <ringlet/core/version.hpp>

int main() { std::cout << "ringlet " << ringlet::version() << '\n'; }
