"""librdkafka's mock cluster, out of the confluent-kafka wheel: Kafka's errors on demand.

Not a real broker: kafka-python must be told ``api_version=(2, 3)`` (``CLIENT_OPTIONS``), offsets must be asked for by
explicit partitions, and ListGroups, DescribeGroups and CreateTopics do not exist. For everything else use the real one.
"""

import ctypes
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, Self

from tests.servers.kafka_desk import Desk
from tests.servers.process import HOST

# The mock's ApiVersions answer is unreadable to kafka-python, so the client must not ask.
CLIENT_OPTIONS: Final = {"api_version": (2, 3)}

ALL: Final = -1
_PRODUCER: Final = 0
# As good as for ever, and below the 32 bits of the library's milliseconds.
_FROZEN: Final = 3_600.0


class Api(IntEnum):
    """Kafka's numbers of the requests that tests care about."""

    PRODUCE = 0
    FETCH = 1
    LIST_OFFSETS = 2
    METADATA = 3
    OFFSET_COMMIT = 8
    OFFSET_FETCH = 9
    FIND_COORDINATOR = 10
    JOIN_GROUP = 11
    HEARTBEAT = 12


class MockKafka:
    """A mock cluster of ``brokers`` brokers, numbered from 1, on ports of the library's choice.

    Lives inside this process, so ``kill`` and ``stop`` mean that every broker hangs up and refuses, and ``start`` that
    they accept again, on the same ports and with everything they knew.
    """

    def __init__(self, brokers: int = 3) -> None:
        lib = _library()
        self._lib = lib
        self._owner = lib.rd_kafka_new(_PRODUCER, _quiet(lib), ctypes.create_string_buffer(512), 512)
        assert self._owner, "librdkafka gave no handle"
        self._cluster = lib.rd_kafka_mock_cluster_new(self._owner, brokers)
        self.address: str = lib.rd_kafka_mock_cluster_bootstraps(self._cluster).decode()
        self.ports = {n: int(at.rpartition(":")[2]) for n, at in enumerate(self.address.split(","), start=1)}
        self.host = HOST
        self.port = self.ports[1]

    def desk(self) -> Desk:
        """Return what a test needs to produce and to commit; a context manager."""
        return Desk(*self.address.split(","), **CLIENT_OPTIONS)

    def create(self, topic: str, *, partitions: int = 1, copies: int = 1) -> None:
        """Create a topic."""
        self._do("topic_create", topic.encode(), partitions, copies)

    def move_leader(self, topic: str, partition: int, broker: int) -> None:
        """Make ``broker`` the partition's leader; -1 leaves it without one."""
        self._do("partition_set_leader", topic.encode(), partition, broker)

    def move_coordinator(self, group: str, broker: int) -> None:
        """Make ``broker`` the coordinator of ``group``."""
        self._do("coordinator_set", b"group", group.encode(), broker)

    def down(self, broker: int = ALL) -> None:
        """Make a broker hang up and refuse; leaders and coordinators stay where they are."""
        self._do("broker_set_down", broker)

    def up(self, broker: int = ALL) -> None:
        """Let a broker accept connections again."""
        self._do("broker_set_up", broker)

    def delay(self, seconds: float, broker: int = ALL) -> None:
        """Make a broker answer every request so much later."""
        self._do("broker_set_rtt", broker, round(seconds * 1_000))

    def fail(self, api: Api, *codes: int, broker: int = ALL) -> None:
        """Answer the next ``len(codes)`` requests of a kind with these error codes (0: answer it well).

        A code of -195 hangs up instead. With ``broker``, only that broker's requests count.
        """
        if broker == ALL:
            errors = (ctypes.c_int * len(codes))(*codes)
            self._lib.rd_kafka_mock_push_request_errors_array(self._cluster, int(api), len(codes), errors)
            return
        for code in codes:
            self._do("broker_push_request_error_rtts", broker, int(api), ctypes.c_size_t(1), code, 0)

    def fail_topic(self, topic: str, code: int) -> None:
        """Answer metadata requests for ``topic`` with an error code, until told 0."""
        self._lib.rd_kafka_mock_topic_set_error(self._cluster, topic.encode(), code)

    def forgive(self, api: Api) -> None:
        """Drop the errors that are still to come for a kind of request."""
        self._lib.rd_kafka_mock_clear_request_errors(self._cluster, int(api))

    @contextmanager
    def counting(self) -> Iterator[Counter[int]]:
        """Count the requests made inside the block by kind (``Api``); the counter is filled on the way out."""
        counted: Counter[int] = Counter()
        self._lib.rd_kafka_mock_clear_requests(self._cluster)
        self._lib.rd_kafka_mock_start_request_tracking(self._cluster)
        try:
            yield counted
        finally:
            counted.update(self._requests())
            self._lib.rd_kafka_mock_stop_request_tracking(self._cluster)

    def _requests(self) -> list[int]:
        size = ctypes.c_size_t()
        found = self._lib.rd_kafka_mock_get_requests(self._cluster, ctypes.byref(size))
        apis = [self._lib.rd_kafka_mock_request_api_key(found[n]) for n in range(size.value)]
        self._lib.rd_kafka_mock_request_destroy_array(found, size)
        return apis

    def kill(self) -> None:
        """Make every broker hang up and refuse."""
        self.down()

    stop = kill

    def start(self) -> None:
        """Let every broker accept again."""
        self.up()

    def pause(self) -> None:
        """Accept requests and answer none; unlike a frozen process this holds back the answers, not the reading."""
        self.delay(_FROZEN)

    def resume(self) -> None:
        """Answer at once again; requests made during the pause stay unanswered."""
        self.delay(0)

    def close(self) -> None:
        """End the cluster."""
        self._lib.rd_kafka_mock_cluster_destroy(self._cluster)
        self._lib.rd_kafka_destroy(self._owner)

    def _do(self, what: str, *arguments: Any) -> None:
        code = getattr(self._lib, f"rd_kafka_mock_{what}")(self._cluster, *arguments)
        assert code == 0, f"{what}{arguments}: {self._lib.rd_kafka_err2str(code).decode()}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _quiet(lib: ctypes.CDLL) -> int:
    """Return a configuration without the library's advice; its own client is never used."""
    conf: int = lib.rd_kafka_conf_new()
    lib.rd_kafka_conf_set(conf, b"log_level", b"0", None, 0)
    return conf


@cache
def _library() -> ctypes.CDLL:
    wheel = find_spec("confluent_kafka")
    assert wheel is not None, "confluent-kafka is not installed"
    (path,) = Path(wheel.origin or "").parent.with_name("confluent_kafka.libs").glob("librdkafka*.so*")
    lib = ctypes.CDLL(str(path))
    for name in ("conf_new", "new", "mock_cluster_new"):
        getattr(lib, f"rd_kafka_{name}").restype = ctypes.c_void_p
    lib.rd_kafka_mock_get_requests.restype = ctypes.POINTER(ctypes.c_void_p)
    lib.rd_kafka_mock_request_api_key.restype = ctypes.c_int16
    for name in ("mock_cluster_bootstraps", "err2str"):
        getattr(lib, f"rd_kafka_{name}").restype = ctypes.c_char_p
    for name, arguments in _POINTERS_FIRST.items():
        getattr(lib, f"rd_kafka_{name}").argtypes = arguments
    return lib


_HANDLE = ctypes.c_void_p
# Handles are 64 bits wide; without these ctypes would cut them to an int.
_POINTERS_FIRST: Final[dict[str, list[Any]]] = {
    "conf_set": [_HANDLE, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_size_t],
    "new": [ctypes.c_int, _HANDLE, ctypes.c_char_p, ctypes.c_size_t],
    "destroy": [_HANDLE],
    "mock_cluster_new": [_HANDLE, ctypes.c_int],
    "mock_cluster_destroy": [_HANDLE],
    "mock_cluster_bootstraps": [_HANDLE],
    "mock_topic_create": [_HANDLE, ctypes.c_char_p, ctypes.c_int, ctypes.c_int],
    "mock_topic_set_error": [_HANDLE, ctypes.c_char_p, ctypes.c_int],
    "mock_partition_set_leader": [_HANDLE, ctypes.c_char_p, ctypes.c_int32, ctypes.c_int32],
    "mock_coordinator_set": [_HANDLE, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_int32],
    "mock_broker_set_down": [_HANDLE, ctypes.c_int32],
    "mock_broker_set_up": [_HANDLE, ctypes.c_int32],
    "mock_broker_set_rtt": [_HANDLE, ctypes.c_int32, ctypes.c_int],
    "mock_push_request_errors_array": [_HANDLE, ctypes.c_int16, ctypes.c_size_t, ctypes.POINTER(ctypes.c_int)],
    "mock_broker_push_request_error_rtts": [_HANDLE, ctypes.c_int32, ctypes.c_int16, ctypes.c_size_t],
    "mock_clear_request_errors": [_HANDLE, ctypes.c_int16],
    "mock_start_request_tracking": [_HANDLE],
    "mock_stop_request_tracking": [_HANDLE],
    "mock_clear_requests": [_HANDLE],
    "mock_get_requests": [_HANDLE, ctypes.POINTER(ctypes.c_size_t)],
    "mock_request_api_key": [_HANDLE],
    "mock_request_destroy_array": [ctypes.POINTER(ctypes.c_void_p), ctypes.c_size_t],
}
