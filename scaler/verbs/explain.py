"""``warmscaler explain``: the documentation of kinds and keys, told by the models that read them."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from inspect import cleandoc
from typing import Final

from scaler.config.schema import settings
from scaler.errors import ConfigError
from scaler.probes.registry import Catalogue
from scaler.triggers.metadata import Common
from scaler.triggers.parameters import Parameter, parameters
from scaler.verbs.output import Output, show_data, show_table, show_text

HEAD: Final = ("key", "type", "default", "description")
OUR_OWN: Final = "every kind"
CONFIGURATION: Final = "configuration"


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """What there is to say of a kind, or of the keys that every kind shares, or of the configuration."""

    name: str
    description: str
    keys: tuple[Parameter, ...]

    @property
    def summary(self) -> str:
        """Return the first sentence."""
        return self.description.partition("\n")[0].partition(". ")[0].removesuffix(".") + "."


def topics(catalogue: Catalogue) -> list[Topic]:
    """Return everything that can be explained."""
    kinds = [
        Topic(name=name, description=_words(kind.params.__doc__), keys=parameters(kind.params))
        for name, kind in sorted(catalogue.kinds.items())
    ]
    return [
        *kinds,
        Topic(name=OUR_OWN, description=_words(Common.__doc__), keys=parameters(Common)),
        Topic(name=CONFIGURATION, description="What the configuration document may say.", keys=settings()),
    ]


def explained(topic: str, known: Iterable[Topic]) -> list[Topic]:
    """Return the kind of that name, or the key wherever there is one; raise :class:`ConfigError` for anything else."""
    known = list(known)
    if found := [each for each in known if each.name == topic]:
        return found
    found = [_only(each, topic) for each in known if _only(each, topic).keys]
    if not found:
        names = {name.casefold(): name for each in known for name in (each.name, *_names(each))}
        near = get_close_matches(topic.casefold(), names, n=1, cutoff=0.6)
        hint = f", did you mean '{names[near[0]]}'?" if near else ""
        raise ConfigError([f"there is no kind and no key {topic[:60]!r}{hint}"])
    return found


def show_overview(known: Iterable[Topic], output: Output) -> None:
    """Print every kind in one line, and the keys that are not of a kind."""
    known = list(known)
    if output is not Output.TABLE:
        show_data([asdict(each) for each in known], output)
        return
    kinds = [each for each in known if each.name not in {OUR_OWN, CONFIGURATION}]
    show_table(("kind", "description"), [(each.name, each.summary) for each in kinds])
    for each in known:
        if each not in kinds:
            show_text("")
            show_table(HEAD, list(_rows(each)), title=f"\n{each.description}")
    show_text("\nwarmscaler explain KIND tells what its triggers may say.")


def show_topics(found: Iterable[Topic], output: Output) -> None:
    """Print topics in full."""
    found = list(found)
    if output is not Output.TABLE:
        show_data([asdict(each) for each in found], output)
        return
    for number, each in enumerate(found):
        show_table(HEAD, list(_rows(each)), title="\n" * bool(number) + f"{each.name}: {each.description}\n")


def _only(topic: Topic, key: str) -> Topic:
    """Keep of ``topic`` the parameters that are read from ``key``, and of the configuration those of a section."""
    keys = tuple(each for each in topic.keys if key in each.keys or each.keys[0].startswith(f"{key}."))
    return Topic(name=topic.name, description=topic.summary, keys=keys)


def _names(topic: Topic) -> Iterator[str]:
    for parameter in topic.keys:
        yield from parameter.keys


def _rows(topic: Topic) -> Iterator[tuple[str, ...]]:
    """Yield what is required first."""
    for each in sorted(topic.keys, key=lambda each: not each.required):
        default = "required" if each.required else each.default or ""
        yield ", ".join(each.keys), each.form, default, each.description


def _words(text: str | None) -> str:
    """Return the paragraphs of a docstring, each as one line."""
    return "\n\n".join(" ".join(each.split()) for each in cleandoc(text or "").split("\n\n"))
