"""A DNS server that knows one name: what a headless Service is to KEDA's gRPC client, which may be named a server."""

import socket
import struct
import threading
from collections.abc import Sequence
from typing import Self

from tests.servers.process import HOST

NAME = "warmscaler.test"
_HEADER = struct.Struct("!HHHHHH")  # id, flags, and how many questions, answers, authorities, additions
_ANSWERED, _A, _INTERNET, _TTL = 0x8180, 1, 1, 1


class Names:
    """Answers, by UDP and in a thread, whoever asks for an address with ``hosts``; they may be changed at any time."""

    def __init__(self, hosts: Sequence[str]) -> None:
        self.hosts = tuple(hosts)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((HOST, 0))
        self._thread = threading.Thread(target=self._serve, name="names", daemon=True)

    def target(self, port: int) -> str:
        """Return what a gRPC client dials to reach all hosts at ``port``."""
        return f"dns://{HOST}:{self._socket.getsockname()[1]}/{NAME}:{port}"

    def _serve(self) -> None:
        while asked := self._socket.recvfrom(512):
            query, client = asked
            if not query:
                return
            self._socket.sendto(_answer(query, self.hosts), client)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.sendto(b"", self._socket.getsockname())
        self._thread.join()
        self._socket.close()


def _answer(query: bytes, hosts: Sequence[str]) -> bytes:
    """Return the answer to a query of one question: the hosts for an address, nothing for anything else."""
    end = query.index(b"\0", _HEADER.size) + 5  # the name ends with an empty label; its type and class follow
    (wanted,) = struct.unpack("!H", query[end - 4 : end - 2])
    found = hosts if wanted == _A else ()
    records = [struct.pack("!HHHIH4s", 0xC00C, _A, _INTERNET, _TTL, 4, socket.inet_aton(host)) for host in found]
    return _HEADER.pack(int.from_bytes(query[:2]), _ANSWERED, 1, len(records), 0, 0) + query[12:end] + b"".join(records)
