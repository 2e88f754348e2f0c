"""Metadata that was refused, told where its author looks: a condition of the ScaledObject, and an Event about it.

KEDA (2.16 to 2.21) writes an external scaler's error to the operator's log only; its own condition says no more than
that something is wrong. So the sentence is put beside it, as a condition of our own. KEDA carries it along, but for the
moments in which it writes the list from an older copy: then it is written again when KEDA asks again. It is taken back
once no trigger of the object says any more what was refused, by each replica that refused it; who was restarted in
between does not know of it, and then the condition stays until the next mistake is corrected.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from structlog import get_logger

from scaler.aio import woken
from scaler.errors import ApiRefused, ApiUnreachable, Missing
from scaler.keda import KINDS, Reference, scaled, trigger_of
from scaler.model import Instant
from scaler.net.events import record
from scaler.net.kube import CONFLICT, MERGE, Document, Kube, understood
from scaler.triggers.metadata import MAX_METADATA

log = get_logger(__name__)

CONDITION: Final = "TriggersUnderstood"
REASON: Final = "InvalidMetadata"
UNDERSTOOD: Final = "MetadataUnderstood"
LOOK_EVERY: Final = 5.0  # s between two looks at one object, at least: KEDA asks again and again
AGAIN: Final = 0.5  # s after which a write that met a newer version is tried again: KEDA writes at the same moments
EVENT_EVERY: Final = 600.0  # s after which an Event is recorded again; the API forgets it after an hour
MOST: Final = 1_000  # objects that are kept in mind; more mistakes at a time are in the log
EACH: Final = 10  # refused triggers of one object
_MESSAGE: Final = 8_192  # characters of a condition

Name = tuple[str, str]
Said = frozenset[tuple[str, str]]


@dataclass(slots=True)
class Refused:
    """What was refused of one object: a sentence for each trigger, when to look at it, and the last Event.

    ``reference`` is the first that was refused: by it the object is told from another one of its name.
    """

    reference: Reference
    due: float
    triggers: dict[Said, tuple[Reference, str]] = field(default_factory=dict)
    looked_at: float = float("-inf")
    event: str = ""
    event_at: float = float("-inf")


class Refusals:
    """Every object with a refused trigger. Without ``kube`` they are in the log, and in KEDA's."""

    def __init__(self, kube: Kube | None, clock: Callable[[], Instant]) -> None:
        self.open: dict[Name, Refused] = {}
        self._kube = kube
        self._clock = clock
        self._wake = asyncio.Event()
        self._unable = ""

    def refuse(self, reference: Reference, sentence: str) -> None:
        """Note that metadata was refused, and why: ``sentence`` holds no secret."""
        namespace, name, metadata = reference
        if len(self.open) >= MOST and (namespace, name) not in self.open:
            return
        if sum(len(key) + len(value) for key, value in metadata.items()) > MAX_METADATA:
            return  # no object of Kubernetes says so much of one trigger
        refused = self.open.setdefault((namespace, name), Refused(reference=reference, due=float("inf")))
        said = frozenset(metadata.items())
        if said not in refused.triggers and len(refused.triggers) < EACH:
            refused.triggers[said] = (reference, sentence)
            log.warning("trigger refused", namespace=namespace, name=name, why=sentence)
        self._look(refused)

    def hear(self, reference: Reference) -> None:
        """Note that a trigger is asked for that is understood: its object may have been corrected."""
        if refused := self.open.get((reference[0], reference[1])):
            self._look(refused)

    async def run(self) -> None:
        """Look at each object when it is due, until cancelled."""
        while True:
            ahead = min((each.due for each in self.open.values()), default=float("inf")) - self._clock()
            if ahead > 0:
                await woken(self._wake, ahead if ahead < float("inf") else None)
            for name, refused in tuple(self.open.items()):
                if refused.due <= self._clock():
                    refused.due, refused.looked_at = float("inf"), self._clock()
                    await self._settle(name, refused)

    def _look(self, refused: Refused) -> None:
        due = max(self._clock(), refused.looked_at + LOOK_EVERY)
        if due < refused.due:
            refused.due = due
            self._wake.set()

    async def _settle(self, name: Name, refused: Refused) -> None:
        """Compare what was refused with what the object says now, and write down what is so."""
        if self._kube is None:
            return
        try:
            document = await self._object(self._kube, refused)
            if document is None:
                self.open.pop(name, None)
                return
            wait = await self._write(self._kube, document, refused)
            if wait is not None:
                refused.due = min(refused.due, self._clock() + wait)
            elif not refused.triggers:
                self.open.pop(name, None)
        except (ApiRefused, ApiUnreachable) as error:
            if str(error) != self._unable:
                log.warning("refused metadata cannot be told to its author", why=str(error))
            self._unable = str(error)

    async def _object(self, kube: Kube, refused: Refused) -> Document | None:
        """Return the object, and forget what none of its triggers says any more; ``None`` if it is gone."""
        try:
            document = await scaled(kube, refused.reference)
        except Missing:
            return None
        for said, (reference, _) in tuple(refused.triggers.items()):
            if trigger_of(document, reference) is None:
                del refused.triggers[said]
        return document

    async def _write(self, kube: Kube, document: Document, refused: Refused) -> float | None:
        """Record an Event and write the condition, where they are not there yet.

        Return in how many seconds to look again: KEDA may write an older list over a new one. ``None`` if all is there.
        """
        sentence = "; ".join(each for _, each in refused.triggers.values())
        with understood(f"{document['kind']} {refused.reference[0]}/{refused.reference[1]}"):
            conditions = _with_ours(document, sentence)
        regarding = {"apiVersion": "keda.sh/v1alpha1", **document}
        if sentence and (sentence != refused.event or self._clock() - refused.event_at > EVENT_EVERY):
            refused.event, refused.event_at = sentence, self._clock()
            await record(kube, regarding, REASON, sentence, warning=True)
        if conditions is None:
            return None
        return LOOK_EVERY if await _patched(kube, document, conditions) else AGAIN


def _with_ours(document: Document, sentence: str) -> list[Document] | None:
    """Return the conditions with ours among them, ``None`` if they are right; ours comes with the first mistake."""
    told = list(document.get("status", {}).get("conditions") or ())
    before = next((each for each in told if each["type"] == CONDITION), None)
    if sentence:
        now = {"type": CONDITION, "status": "False", "reason": REASON, "message": sentence[:_MESSAGE]}
    else:
        now = {"type": CONDITION, "status": "True", "reason": UNDERSTOOD, "message": "Every trigger is understood"}
    if before == now or (before is None and not sentence):
        return None
    return [*(each for each in told if each["type"] != CONDITION), now]


async def _patched(kube: Kube, document: Document, conditions: list[Document]) -> bool:
    """Write the conditions, unless the object was changed since it was read; tell whether they are written."""
    about: Mapping[str, str] = document["metadata"]
    path = KINDS[document["kind"]].path(about["namespace"], about["name"], "status")
    change = {"metadata": {"resourceVersion": about["resourceVersion"]}, "status": {"conditions": conditions}}
    try:
        await kube.call("PATCH", path, change, content=MERGE)
    except ApiRefused as error:
        if error.status == CONFLICT:
            return False
        raise
    return True
