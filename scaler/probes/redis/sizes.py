"""How much is in each of many keys, without scripts: counting commands in pipelines.

A list is assumed until the server says WRONGTYPE; then TYPE tells which command counts, and that is remembered. So a
key costs one command, keys of every type share a round trip, and a key whose type changed costs two more trips once.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Final, TypeVar

from redis.exceptions import ResponseError

from scaler.errors import Cause, SourceUnavailable
from scaler.probes.base import Amount, Found
from scaler.probes.redis.params import Key
from scaler.probes.redis.wire import Answer, Reader, unavailable

PIPELINE: Final = 500  # commands a round trip: more gains nothing and blocks the loop for more than 7 ms (measured)
_REMEMBERED: Final = 10_000  # keys that are no lists; beyond, all are asked again

_COUNTING: Final[Mapping[object, str]] = {
    b"none": "LLEN",
    b"list": "LLEN",
    b"set": "SCARD",
    b"zset": "ZCARD",
    b"hash": "HLEN",
}

T = TypeVar("T")


class Sizes:
    """Reads sizes, and remembers which keys are no lists."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._counting: dict[Key, str] = {}

    async def read(self, keys: Collection[Key]) -> dict[Key, Found]:
        """Answer every key; raise :class:`SourceUnavailable` if the server cannot be asked."""
        found: dict[Key, Found] = {}
        for chunk in _chunks(keys, PIPELINE):
            answers = await self._count(chunk)
            if mistaken := [key for key, answer in answers.items() if _is_wrong_type(answer)]:
                await self._learn(mistaken, answers)
            found |= {key: _amount(key, answer) for key, answer in answers.items()}
        return found

    async def _count(self, keys: Sequence[Key]) -> dict[Key, Answer]:
        answers = await self._reader.ask([(self._counting.get(key, "LLEN"), key.name) for key in keys])
        return dict(zip(keys, answers, strict=True))

    async def _learn(self, keys: Sequence[Key], answers: dict[Key, Answer]) -> None:
        """Ask for the types of ``keys`` and replace their answers."""
        if len(self._counting) > _REMEMBERED:
            self._counting.clear()
        types = dict(zip(keys, await self._reader.ask([("TYPE", key.name) for key in keys]), strict=True))
        answers.update({key: _uncountable(key, kind) for key, kind in types.items()})
        countable = {
            key: _COUNTING[kind] for key, kind in types.items() if isinstance(kind, bytes) and kind in _COUNTING
        }
        self._counting |= countable
        if countable:
            answers |= await self._count(list(countable))


def _chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    rest = iter(items)
    while chunk := list(islice(rest, size)):
        yield chunk


def _is_wrong_type(answer: Answer) -> bool:
    return isinstance(answer, ResponseError) and str(answer).startswith("WRONGTYPE")


def _uncountable(key: Key, kind: Answer) -> Answer:
    if isinstance(kind, bytes):
        name = kind.decode(errors="replace")
        return SourceUnavailable(Cause.INVALID, f"{key.name!r} is a {name}, not a list, set, sorted set or hash")
    return kind


def _amount(key: Key, answer: Answer) -> Found:
    match answer:
        case int():
            return Amount.of(answer)
        case SourceUnavailable():
            return answer
        case ResponseError():
            return unavailable(answer)
        case _:
            return SourceUnavailable(Cause.INVALID, f"{key.name!r}: a size was expected, not {str(answer)[:60]}")
