"""TCP echo: many connections, each sends a message and waits for it to come back."""

from .served import ServedWork


class Echo(ServedWork):
    name = "echo"
    protocol = "echo"
    load = "echo_load"

    def shapes(self, setting):
        every = [(connections, size, 1) for connections in (1, 64, 1000, 10_000) for size in (64, 1024, 16_384)]
        return setting.choose(
            tiny=[(4, 64, 1)],
            quick=[(50, 64, 1), (1, 64, 1), (50, 16_384, 1)],
            full=[(50, 64, 1), *every, (64, 64, 16)])
