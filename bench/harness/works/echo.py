"""TCP echo: many connections, each sends a message and waits for it to come back."""

from .served import ServedWork


class Echo(ServedWork):
    name = "echo"
    programs = "echo"
    load = "echo_load"
    baselines = ["raw-uring", "raw-epoll"]

    def shapes(self, setting):
        every = [(connections, size, 1) for connections in (1, 64, 1000, 10_000) for size in (64, 1024, 16_384)]
        return setting.choose(
            tiny=[(4, 64, 1)],
            quick=[(64, 64, 1)],
            full=[*sorted(every, key=lambda shape: shape[:2] != (64, 64)), (64, 64, 16)])


class TwoLoops(ServedWork):
    """One loop on one core beside two on two. The load shares the second core
    with the second loop, so it is the CPU per message that tells."""
    name = "loops"
    programs = "loops"
    load = "echo_load"
    baselines = ["one-loop"]

    def shapes(self, setting):
        return [setting.choose((4, 64, 1), (64, 64, 1), (64, 64, 1))]
