"""Ports that nobody else takes while a server is down between its death and its restart."""

import random
import socket

# Below Linux' ephemeral range (32768 up): no outgoing connection can take the port of a server that is down. That also
# holds for the port ten thousand above, on which the nodes of a Redis Cluster talk.
_RANGE = range(12_000, 22_000)
_given: set[int] = set()


def free_port() -> int:
    """Return a loopback port that is free now and was not given to anyone else in this process."""
    for port in random.sample(_RANGE, 1_000):
        if port not in _given and _bindable(port):
            _given.add(port)
            return port
    message = "no free port on 127.0.0.1"
    raise OSError(message)


def _bindable(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def accepts(port: int) -> bool:
    """Tell whether something listens on the loopback ``port``."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1.0).close()
    except OSError:
        return False
    return True
