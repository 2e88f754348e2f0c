"""Which subjects bring a consumer its messages: pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from scaler.probes.nats_jetstream.answers import Document, is_document, text, texts


@dataclass(frozen=True, slots=True)
class Reach:
    """The subjects whose traffic may give a consumer work; ``whole`` if there is no other way it gets some."""

    subjects: frozenset[str]
    whole: bool


def reach(stream: Document, consumer: Document) -> Reach:
    """Find the subjects of a consumer from what the API says of its stream and of itself.

    A stream that mirrors or sources others is filled behind the subjects' back, one with schedules by itself; if it
    transforms subjects, the consumer's filters are about other names than those that are published.
    """
    config = stream.get("config")
    if not is_document(config):
        return Reach(frozenset(), whole=False)
    own = texts(config, "subjects")
    filters = [] if config.get("subject_transform") else list(_filters(consumer))
    narrowed = {both for one in own for other in filters if (both := meet(one, other)) is not None}
    return Reach(frozenset(narrowed if filters else own), whole=not _fed_otherwise(config))


def audible(found: Reach, own: Iterable[str]) -> Reach:
    """Leave out what meets our ``own`` subjects, of questions and answers: hearing those, we would ask for ever."""
    subjects = frozenset(each for each in found.subjects if all(meet(each, ours) is None for ours in own))
    return Reach(subjects, whole=found.whole and subjects == found.subjects)


def meet(one: str, other: str) -> str | None:
    """Return the subject that matches exactly what both match; ``None`` if they have nothing in common."""
    ones, others = one.split("."), other.split(".")
    met: list[str] = []
    for position, (mine, its) in enumerate(zip(ones, others, strict=False)):
        if mine == ">":
            return ".".join([*met, *others[position:]])
        if its == ">":
            return ".".join([*met, *ones[position:]])
        if mine != its and "*" not in {mine, its}:
            return None
        met.append(its if mine == "*" else mine)
    return ".".join(met) if len(ones) == len(others) else None


def _filters(consumer: Document) -> Iterator[str]:
    config = consumer.get("config")
    if is_document(config):
        yield from texts(config, "filter_subjects")
        if single := text(config, "filter_subject"):
            yield single


def _fed_otherwise(config: Document) -> bool:
    return any(config.get(key) for key in ("mirror", "sources", "allow_msg_schedules"))
