"""A file as blocks of lines: unpacked as it is read, with a bar on a terminal, and never whole in memory.

A line is a row, also where a quotation mark is left open: one broken row must not swallow those after it.
"""

import codecs
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from scaler.errors import ConfigError
from simulations.progress import watched

CHUNK: Final = 1 << 20  # bytes
LONGEST_LINE: Final = 1 << 24  # characters: three thousand times Azure's, which has a column for each minute of a day
GZIP: Final = b"\x1f\x8b"
_BY_HEADER: Final = 47  # zlib's word for: gzip or zlib, whatever it is


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Lines of a file; ``first`` is the number of the first one, from 1."""

    first: int
    lines: list[str]


def blocks(path: Path) -> Iterator[Block]:
    """Yield all lines of the file, unpacked; a byte order mark is not one of its characters. Raises ``ConfigError``."""
    decoder = codecs.getincrementaldecoder("utf-8-sig")(errors="replace")
    rest, number = "", 1
    for chunk in unpacked(path):
        text = rest + decoder.decode(chunk)
        whole, newline, rest = text.rpartition("\n")
        if newline:
            lines = _lines(whole)
            yield Block(first=number, lines=lines)
            number += len(lines)
        elif len(rest) > LONGEST_LINE:
            raise ConfigError([f"line {number} is longer than {LONGEST_LINE:,} characters"], about=str(path))
    if rest := rest + decoder.decode(b"", final=True):
        yield Block(first=number, lines=_lines(rest))


def _lines(text: str) -> list[str]:
    return (text.replace("\r", "") if "\r" in text else text).split("\n")


def opening(path: Path) -> bytes:
    """Return the first bytes of the file, unpacked, among them its whole first line. Raises ``ConfigError``."""
    found = b""
    for chunk in unpacked(path):
        found += chunk
        if b"\n" in chunk or len(found) > LONGEST_LINE:
            break
    return found


def unpacked(path: Path) -> Iterator[bytes]:
    """Yield the bytes of the file, unpacked if it is gzip. Raises ``ConfigError`` where it cannot be read."""
    try:
        with path.open("rb") as file:
            size = max(path.stat().st_size, 1)
            packed = file.read(len(GZIP)) == GZIP
            file.seek(0)
            chunks = (file.read(CHUNK) for _ in watched(range(-(-size // CHUNK)), f"reading {path.name}"))
            yield from _inflated(chunks) if packed else chunks
    except OSError as error:
        raise ConfigError([error.strerror or str(error)], about=str(path)) from error
    except zlib.error as error:
        raise ConfigError([f"damaged gzip: {error}"], about=str(path)) from error


def _inflated(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Unpack in pieces, one member of the file after the other: little gzip may hold very much."""
    member = zlib.decompressobj(_BY_HEADER)
    for chunk in chunks:
        packed = chunk
        while packed:
            if member.eof:
                member = zlib.decompressobj(_BY_HEADER)
            yield member.decompress(packed, CHUNK)
            packed = member.unconsumed_tail or member.unused_data
    if not member.eof:
        raise zlib.error("it ends too early")
