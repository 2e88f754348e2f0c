"""A journal that keeps its lines, and readers of the files of a real one."""

import json
import zlib
from pathlib import Path
from typing import Any

from scaler.recording.files import Place
from scaler.recording.journal import Journal, Line

FOREVER = Place(folder=Path("nowhere"), limit=2**30)


class Kept(Journal):
    """Has no disk."""

    def __init__(self) -> None:
        super().__init__(FOREVER)
        self.lines: list[Line] = []

    def put(self, line: Line) -> None:
        """Keep it."""
        self.lines.append(line)

    def told(self, *fields: str) -> list[tuple[Any, ...]]:
        """Return what each line is, with some of its facts; those that have none of them are left out."""
        return [
            (str(line.what), *(line.facts.get(field) for field in fields))
            for line in self.lines
            if not fields or line.facts.keys() & set(fields)
        ]


def lines_of(path: Path) -> list[dict[str, Any]]:
    """Read a file as far as it was flushed."""
    text = zlib.decompressobj(wbits=31).decompress(path.read_bytes())
    return [json.loads(line) for line in text.splitlines()]
