"""Refused metadata shows on its ScaledObject, once, for as long as the object says it, and is taken back after that."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from structlog.testing import capture_logs

from scaler.keda import Reference
from scaler.net.kube import Document
from scaler.refusals import CONDITION, EACH, EVENT_EVERY, LOOK_EVERY, MOST, Refusals
from scaler.testing.clocks import in_jumping_time, jumping_clock
from scaler.testing.kube import FakeKube

OBJECT = "/apis/keda.sh/v1alpha1/namespaces/shop/scaledobjects/orders"
STATUS = f"{OBJECT}/status"
EVENTS = "/api/v1/namespaces/shop/events"
WRONG = {"kind": "redis", "listLenght": "5"}
RIGHT = {"kind": "redis", "listLength": "5"}
SAID = "unknown key 'listLenght'"
READY = {"type": "Ready", "status": "False"}


def reference(metadata: dict[str, str], name: str = "orders") -> Reference:
    return "shop", name, metadata


def scaled_object(*metadata: dict[str, str], conditions: tuple[Document, ...] = (READY,)) -> Document:
    return {
        "metadata": {"namespace": "shop", "name": "orders", "uid": "1", "resourceVersion": "7"},
        "spec": {"triggers": [{"type": "external-push", "metadata": each} for each in metadata]},
        "status": {"conditions": list(conditions)},
    }


class Desk:
    """Refusals over an API that keeps what is written."""

    def __init__(self, kube: FakeKube) -> None:
        self.kube = kube
        self.refusals = Refusals(kube, jumping_clock)

    def says(self, *metadata: dict[str, str]) -> None:
        """Let the ScaledObject have triggers that say so."""
        told = self.kube.objects.get(OBJECT, scaled_object())["status"]["conditions"]
        self.kube.objects[OBJECT] = scaled_object(*metadata, conditions=tuple(told))

    async def settled(self) -> list[Document]:
        """Wait, and return what was written to the status so far."""
        await asyncio.sleep(3 * LOOK_EVERY)
        return [body for (_, path), body in self.kube.sent if path == STATUS]

    async def settled_after_a_conflict(self) -> None:
        """Do as :meth:`settled`, with somebody else writing at the same moment."""
        self.kube.refusals[STATUS] = 409
        await self.settled()
        del self.kube.refusals[STATUS]
        await self.settled()

    def told(self) -> tuple[str, str]:
        """Return status and message of our condition as the object has it."""
        conditions = self.kube.objects[OBJECT]["status"]["conditions"]
        ours: dict[str, Any] = next((each for each in conditions if each["type"] == CONDITION), {})
        return ours.get("status", ""), ours.get("message", "")

    def events(self) -> list[str]:
        """Return the messages of the Events recorded so far."""
        return [body["message"] for (_, path), body in self.kube.sent if path == EVENTS]


@asynccontextmanager
async def desk(*metadata: dict[str, str]) -> AsyncIterator[Desk]:
    made = Desk(FakeKube(**{OBJECT: scaled_object(*metadata), STATUS: {}}))
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(made.refusals.run())
        yield made
        running.cancel()


@in_jumping_time
async def test_a_mistake_shows_beside_the_conditions_of_keda_and_as_an_event() -> None:
    async with desk(WRONG) as at:
        at.refusals.refuse(reference(WRONG), SAID)
        (written,) = await at.settled()
        assert written["metadata"] == {"resourceVersion": "7"}, "what was changed meanwhile must not be overwritten"
        assert written["status"]["conditions"][0] == READY
        assert at.told() == ("False", SAID)
        assert at.events() == [SAID]


@in_jumping_time
async def test_it_is_written_once_however_often_keda_asks() -> None:
    async with desk(WRONG) as at:
        for _ in range(20):
            at.refusals.refuse(reference(WRONG), SAID)
            await at.settled()
        assert (len(await at.settled()), at.events()) == (1, [SAID])
        await asyncio.sleep(EVENT_EVERY)
        at.refusals.refuse(reference(WRONG), SAID)
        await at.settled()
        assert at.events() == [SAID, SAID], "the API forgets an Event after an hour"


@in_jumping_time
async def test_a_correction_takes_it_back() -> None:
    async with desk(WRONG) as at:
        at.refusals.refuse(reference(WRONG), SAID)
        await at.settled()
        at.says(RIGHT)
        at.refusals.hear(reference(RIGHT))
        await at.settled()
        assert at.told() == ("True", "Every trigger is understood")
        assert at.refusals.open == {}


@in_jumping_time
async def test_an_older_list_that_keda_writes_over_the_correction_is_corrected_again() -> None:
    async with desk(WRONG) as at:
        at.refusals.refuse(reference(WRONG), SAID)
        await at.settled()
        before = at.kube.objects[OBJECT]["status"]
        at.says(RIGHT)
        at.refusals.hear(reference(RIGHT))
        await asyncio.sleep(1.0)
        assert at.told()[0] == "True"
        at.kube.objects[OBJECT]["status"] = before
        await at.settled()
        assert at.told()[0] == "True"


@in_jumping_time
async def test_a_good_trigger_does_not_hide_the_bad_one_beside_it() -> None:
    async with desk(WRONG, RIGHT) as at:
        at.refusals.refuse(reference(WRONG), SAID)
        at.refusals.hear(reference(RIGHT))
        await at.settled()
        at.refusals.hear(reference(RIGHT))
        await at.settled()
        assert at.told() == ("False", SAID)


@in_jumping_time
async def test_all_bad_triggers_of_an_object_are_told_together() -> None:
    worse = {"kind": "rediss"}
    async with desk(WRONG, worse) as at:
        at.refusals.refuse(reference(WRONG), SAID)
        at.refusals.refuse(reference(worse), "no such kind")
        await at.settled()
        assert at.told() == ("False", f"{SAID}; no such kind")


@in_jumping_time
async def test_what_no_object_says_is_not_written_anywhere() -> None:
    async with desk(RIGHT) as at:
        at.refusals.refuse(reference(WRONG), SAID)
        at.refusals.refuse(reference(WRONG, name="nobody"), SAID)
        at.refusals.refuse(reference(WRONG, name="../secrets"), SAID)
        assert await at.settled() == []
        assert (at.events(), at.refusals.open) == ([], {})


@in_jumping_time
async def test_who_meets_a_newer_version_writes_again() -> None:
    async with desk(WRONG) as at:
        at.refusals.refuse(reference(WRONG), SAID)
        await at.settled_after_a_conflict()
        assert at.told() == ("False", SAID)
        at.says(RIGHT)
        at.refusals.hear(reference(RIGHT))
        await at.settled_after_a_conflict()
        assert at.told() == ("True", "Every trigger is understood")


@pytest.mark.parametrize("status", [403, 500])
def test_an_api_that_refuses_stops_nothing(status: int) -> None:
    @in_jumping_time
    async def refuse() -> None:
        async with desk(WRONG) as at:
            at.kube.refusals[STATUS] = status
            at.refusals.refuse(reference(WRONG), SAID)
            await at.settled()
            del at.kube.refusals[STATUS]
            at.refusals.refuse(reference(WRONG), SAID)
            await at.settled()
            assert at.told() == ("False", SAID)

    refuse()


@in_jumping_time
async def test_no_more_objects_are_kept_in_mind_than_may_be_and_the_others_are_not_told_again_and_again() -> None:
    refusals = Refusals(None, jumping_clock)
    with capture_logs() as logs:
        for _ in range(3):
            for number in range(MOST + 10):
                refusals.refuse(reference(WRONG, name=f"o{number}"), SAID)
    assert (len(refusals.open), len(logs)) == (MOST, MOST)


@in_jumping_time
async def test_only_some_triggers_of_an_object_are_kept_in_mind_and_no_endless_one() -> None:
    refusals = Refusals(None, jumping_clock)
    refusals.refuse(reference({"kind": "x" * 100_000}), SAID)
    assert refusals.open == {}
    for number in range(EACH + 5):
        refusals.refuse(reference({"kind": f"{number}"}), SAID)
    (refused,) = refusals.open.values()
    assert len(refused.triggers) == EACH


@in_jumping_time
async def test_an_answer_that_is_no_object_of_keda_stops_nothing() -> None:
    async with desk(WRONG) as at:
        right = at.kube.objects[OBJECT]
        answers: list[Document] = [{}, {"spec": {}}, *({**right, key: 5} for key in ("spec", "status", "metadata"))]
        for strange in answers:
            at.kube.objects[OBJECT] = strange
            at.refusals.refuse(reference(WRONG), SAID)
            assert await at.settled() == []
        at.kube.objects[OBJECT] = right
        at.refusals.refuse(reference(WRONG), SAID)
        await at.settled()
        assert at.told() == ("False", SAID)
