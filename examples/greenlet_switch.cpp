// Two fibers that switch to each other by hand: the first program of greenlet's documentation.

#include <ringlet/core/fiber.hpp>

#include <iostream>

using ringlet::fiber;

int main() {
    fiber<> first, second;

    first = fiber<>([&] {
        std::cout << 12 << '\n';
        second.switch_to();
        std::cout << 34 << '\n';
    });
    second = fiber<>([&] {
        std::cout << 56 << '\n';
        first.switch_to();
        std::cout << 78 << '\n';  // never: nobody comes back here
    });

    first.switch_to();
}
