"""Values guessed in favour of their author, where a text is not known yet: it comes from a Secret or an environment.

What a guess does not satisfy may still be wrong with the real value, so nothing of that is said.
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import lru_cache
from itertools import chain
from typing import Final

from scaler.triggers.parameters import parameters
from scaler.triggers.params import FROM_ENV, Params

GUESSES: Final = ("host:1", "1", "true", "http://host:1", "text", "key=value")

_QUOTED: Final = re.compile(r"'([^']+)'")

Problems = Callable[[Mapping[str, str]], Collection[str]]


@lru_cache(maxsize=1024)
def guesses(model: type[Params], key: str) -> tuple[str, ...]:
    """Return texts of which a parameter, whatever its type, accepts one."""
    described = (each.choices for each in parameters(model) if key in each.keys)
    return (*GUESSES, *chain.from_iterable(described))


def guessed(model: type[Params], keys: Iterable[str], problems: Problems) -> dict[str, str]:
    """Return a text for each of ``keys`` (``FromEnv`` or not), with as few ``problems`` as possible."""
    texts: dict[str, str] = {}
    for key in keys:
        fewest: int | None = None
        for text in guesses(model, key.removesuffix(FROM_ENV)):
            count = len(problems({**texts, key: text}))
            if fewest is None or count < fewest:
                texts[key], fewest = text, count
            if not count:
                break
    return texts


def is_about(said: str, keys: Collection[str], known: Collection[str]) -> bool:
    """Tell whether a problem is about some of ``keys`` and no other key that is ``known``."""
    if said.startswith("unknown key"):
        return False
    named = {word.removesuffix(FROM_ENV) for word in quoted(said)} & set(known)
    return bool(named) and named <= set(keys)


def quoted(said: str) -> list[str]:
    """List what stands in quotes: the keys that a problem speaks of."""
    return _QUOTED.findall(said)
