"""YAML read strictly: plain values, the place of each, and every problem at once.

Whoever may edit a ConfigMap or hand us a manifest may hand us anything. So a text has bounds of size, depth and number
of values (an alias repeats what it names, and aliases of aliases repeat it a billion times), and nothing in it can name
a Python object. A key that is there twice is a problem: YAML's rule, the last one wins, hides a mistake.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import yaml
from yaml.constructor import SafeConstructor
from yaml.reader import Reader

# libyaml's parser where the wheel has it: eight times faster, and the same safe subset.
Loader: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

MAX_BYTES: Final = 1024 * 1024  # as much as a ConfigMap can hold
MAX_DEPTH: Final = 100  # more than any manifest needs; the scanner's time grows with the square of it
MAX_VALUES: Final = 100_000
SHOWN: Final = 60  # characters of a wrong value that a message repeats

Path = tuple[str | int, ...]
"""Where a value stands: keys and indices from the top."""

_TAG: Final = "tag:yaml.org,2002:"
_WORDS: Final = SafeConstructor()
_READ: Final[Mapping[str, Any]] = {
    f"{_TAG}null": lambda _: None,
    f"{_TAG}bool": _WORDS.construct_yaml_bool,
    f"{_TAG}int": _WORDS.construct_yaml_int,
    f"{_TAG}float": _WORDS.construct_yaml_float,
    **dict.fromkeys((f"{_TAG}{name}" for name in ("str", "timestamp", "merge", "value")), lambda node: node.value),
}


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Problem:
    """What is wrong, and where; lines and columns count from one."""

    line: int
    column: int
    said: str

    def __str__(self) -> str:
        return f"{self.line}:{self.column}: {self.said}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a value and its key stand; ``text`` is the value as it was written, empty for lists and mappings."""

    line: int
    column: int
    text: str = ""
    key: "Place | None" = None

    def problem(self, said: str) -> Problem:
        """Say that something is wrong here."""
        return Problem(line=self.line, column=self.column, said=said)

    def problem_of_key(self, said: str) -> Problem:
        """Say that something is wrong with the key of this value."""
        return (self.key or self).problem(said)


TOP: Final = Place(line=1, column=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """One document of a text: plain values, and the place of every one of them."""

    value: object
    places: Mapping[Path, Place]

    def place(self, path: Path) -> Place:
        """Return the place of ``path``, or of the nearest thing around it."""
        while path not in self.places and path:
            path = path[:-1]
        return self.places.get(path, TOP)


def read_trees(content: bytes, longest: int = MAX_BYTES) -> tuple[list[Tree], list[Problem]]:
    """Read every document of ``content``, which has ``longest`` bytes at most, with every problem; never raises."""
    trees: list[Tree] = []
    text, problems = _decoded(content, longest)
    try:
        _check_depth(text)
        for node in yaml.compose_all(text, Loader=Loader):
            reading = _Reading()
            value = reading.value(node, ())
            trees.append(Tree(value=value, places=reading.places))
            problems += reading.problems
    except _TooMuch as refusal:
        problems.append(refusal.problem)
    except yaml.YAMLError as error:
        problems.append(_of_yaml(error))
    return trees, problems


def shown(value: object) -> str:
    """Repeat a value of the user's in a message: short, on one line, and printable anywhere."""
    text = ascii(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


class _TooMuch(Exception):
    """A bound is passed, so reading on would only cost time and memory."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        super().__init__(problem.said)


def _decoded(content: bytes, longest: int) -> tuple[str, list[Problem]]:
    """Return the text, or an empty one with what is wrong with it."""
    if len(content) > longest:
        return "", [TOP.problem(f"longer than {longest // 1024} KiB")]
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return "", [_at(content[: error.start].decode(errors="replace"), "this byte is not UTF-8")]
    if wrong := Reader.NON_PRINTABLE.search(text):
        return "", [_at(text[: wrong.start()], f"the character {shown(wrong.group())} is not allowed in YAML")]
    return text, []


def _at(before: str, said: str) -> Problem:
    lines = before.split("\n")
    return Problem(line=len(lines), column=len(lines[-1]) + 1, said=said)


def _check_depth(text: str) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=Loader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise _TooMuch(_place(event).problem(f"nested deeper than {MAX_DEPTH} levels"))


def _of_yaml(error: yaml.YAMLError) -> Problem:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    said = " ".join(str(getattr(error, each, None) or "") for each in ("context", "problem")).strip()
    line, column = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
    return Problem(line=line, column=column, said=f"not YAML: {said or 'it cannot be read'}")


def _place(thing: yaml.Node | yaml.Event, key: yaml.Node | None = None) -> Place:
    mark: Any = thing.start_mark  # the stubs allow for none, which a parser never leaves
    text = thing.value if isinstance(thing, yaml.ScalarNode) else ""
    return Place(line=mark.line + 1, column=mark.column + 1, text=text, key=_place(key) if key is not None else None)


@dataclass(slots=True)
class _Reading:
    """Turns the nodes of one document into values."""

    places: dict[Path, Place] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def value(self, node: yaml.Node, path: Path, key: yaml.Node | None = None) -> object:
        """Return the value of ``node``, which stands at ``path``."""
        place = self.places[path] = _place(node, key)
        if len(self.places) > MAX_VALUES:
            raise _TooMuch(place.problem(f"more than {MAX_VALUES} values, aliases counted in full"))
        if len(path) > MAX_DEPTH:
            raise _TooMuch(place.problem(f"nested deeper than {MAX_DEPTH} levels"))
        match node:
            case yaml.MappingNode(tag="tag:yaml.org,2002:map"):
                return {name: self.value(each, (*path, name), key) for name, key, each in self._entries(node)}
            case yaml.SequenceNode(tag="tag:yaml.org,2002:seq"):
                return [self.value(each, (*path, index)) for index, each in enumerate(node.value)]
            case yaml.ScalarNode(tag=tag) if tag in _READ:
                return self._scalar(node)
        self.problems.append(place.problem(f"the tag {shown(node.tag)} is not allowed"))
        return None

    def _entries(self, node: yaml.MappingNode) -> Iterator[tuple[str, yaml.Node, yaml.Node]]:
        """Yield each key once, as it was written: YAML would read ``on`` as a truth and ``1`` as a number."""
        lines: dict[str, int] = {}
        for key, value in node.value:
            place = _place(key)
            if not isinstance(key, yaml.ScalarNode):
                self.problems.append(place.problem("a key must be text"))
            elif key.value in lines:
                said = f"{shown(key.value)} is there twice, first in line {lines[key.value]}"
                self.problems.append(place.problem(said))
            else:
                lines[key.value] = place.line
                yield key.value, key, value

    def _scalar(self, node: yaml.ScalarNode) -> object:
        try:
            return _READ[node.tag](node)
        except (ValueError, KeyError, IndexError, OverflowError):
            kind = node.tag.removeprefix(_TAG)
            self.problems.append(_place(node).problem(f"{shown(node.value)} is not of the type {kind}"))
            return None
