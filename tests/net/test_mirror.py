"""A mirror ends with what there is, and never shows an older state of an object than it did before."""

import asyncio
import random
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from scaler.errors import ApiRefused, ApiUnreachable
from scaler.net.kube import PODS, Document, Event
from scaler.net.mirror import ENDS, Mirror
from scaler.observe.metrics import REGISTRY
from scaler.testing.clocks import in_jumping_time
from tests.net.store import Lies, Store, Witness, pod

PATIENCE = 1000.0  # s of a time that jumps


def mirror_of(store: Store, witness: Witness, relist_every: float = 300.0) -> Mirror[str]:
    return Mirror(store, PODS, "n", witness.read, witness.change, relist_every=relist_every)


@asynccontextmanager
async def running(mirror: Mirror[str]) -> AsyncIterator[Mirror[str]]:
    """Run a mirror; what ends it ends the block."""
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(mirror.run())
        await until(lambda: mirror.synced)
        try:
            yield mirror
        finally:
            task.cancel()


async def until(fact: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not fact():  # noqa: ASYNC110 - in a time that jumps
            await asyncio.sleep(0.01)


def restarts(reason: str) -> float:
    return REGISTRY.get_sample_value("warmscaler_watch_restarts_total", {"reason": reason}) or 0.0


@in_jumping_time
async def test_a_list_of_several_pages_and_each_change_after_it() -> None:
    store, witness = Store(), Witness()
    for number in range(5):
        store.put(f"p{number}", f"u{number}")
    async with running(mirror_of(store, witness)) as mirror:
        assert sorted(mirror.objects) == ["p0", "p1", "p2", "p3", "p4"]
        store.put("p0", "u0")
        store.delete("p1", "u1")
        store.put("p1", "u1-again")
        await until(lambda: "p1" in mirror.objects and mirror.objects["p1"].startswith("u1-again"))
    assert (witness.of("p0"), witness.of("p1")) == (["u0@2", "u0@7"], ["u1@3", None, "u1-again@9"])
    assert len([each for each in store.asked if "limit" in each]) == 3, "one list, of three pages"


@in_jumping_time
async def test_only_what_matches_is_asked_for() -> None:
    store = Store()
    mirror: Mirror[str] = Mirror(store, PODS, "n", str, lambda *_: None, selector="app=f")
    async with running(mirror):
        await until(lambda: len(store.asked) > 1)
    assert {each["labelSelector"] for each in store.asked} == {"app=f"}


@in_jumping_time
async def test_what_a_watch_has_lost_comes_with_the_next_list() -> None:
    store, witness = Store(), Witness()
    async with running(mirror_of(store, witness, relist_every=30.0)) as mirror:
        store.past.append((store.version, "ADDED", pod("lost", "u", store.version)))
        began = asyncio.get_running_loop().time()
        await until(lambda: "lost" in mirror.objects)
        assert asyncio.get_running_loop().time() - began <= 32.0
        store.past.append((store.version, "DELETED", pod("lost", "u", store.version)))
        await until(lambda: "lost" not in mirror.objects)


@in_jumping_time
async def test_what_our_own_call_returned_is_known_at_once_and_told_once() -> None:
    store, witness = Store(), Witness()
    async with running(mirror_of(store, witness)) as mirror:
        mirror.heard(store.put("p", "u"))
        assert mirror.objects == {"p": "u@2"}
        store.put("q", "v")
        await until(lambda: "q" in mirror.objects)
        assert witness.of("p") == ["u@2"]


def test_an_older_state_never_replaces_a_newer_one() -> None:
    witness = Witness()
    mirror = mirror_of(Store(), witness)
    for version in (5, 4, 5, 10, 9):  # as numbers, not as texts
        mirror.heard(pod("p", "u", version))
    assert witness.of("p") == ["u@5", "u@10"]


def test_what_is_gone_does_not_come_back_and_its_successor_does() -> None:
    witness = Witness()
    mirror = mirror_of(Store(), witness)
    mirror.heard(pod("p", "u", 5))
    mirror.gone("p", "another")
    mirror.gone("p", "u")
    mirror.gone("p", "u")
    mirror.heard(pod("p", "u", 6))
    assert witness.of("p") == ["u@5", None]
    mirror.heard(pod("p", "w", 7))
    mirror.gone("p", "u")
    assert mirror.objects == {"p": "w@7"}


def test_an_object_in_the_place_of_another_is_an_end_and_a_beginning() -> None:
    witness = Witness()
    mirror = mirror_of(Store(), witness)
    mirror.heard(pod("p", "u", 5))
    mirror.heard(pod("p", "w", 9))
    mirror.heard(pod("p", "u", 10))  # which cannot be
    assert witness.changes == [("p", None, "u@5"), ("p", "u@5", None), ("p", None, "w@9")]


@in_jumping_time
async def test_what_does_not_match_for_a_while_may_match_again() -> None:
    store, witness = Store(), Witness()
    async with running(mirror_of(store, witness)) as mirror:
        store.put("p", "u")
        store.delete("p", "u")  # which is how a watch tells that a label was taken away
        store.put("p", "u")
        await until(lambda: witness.of("p") == ["u@2", None, "u@4"])
        assert list(mirror.objects) == ["p"]


def test_what_cannot_be_read_is_none_and_said_once() -> None:
    changes: list[tuple[str, str | None, str | None]] = []

    def read(document: Document) -> str:
        if document["note"]:
            raise ValueError(document["note"])
        return str(document["metadata"]["resourceVersion"])

    mirror = Mirror(Store(), PODS, "n", read, lambda *change: changes.append(change))
    with capture_logs() as logs:
        for version in (1, 2):
            mirror.heard(pod("p", "u", version, note="no such stage"))
        mirror.heard(pod("p", "u", 3))
        mirror.heard(pod("p", "u", 4, note="no such stage"))
    assert changes == [("p", None, "3"), ("p", "3", None)]
    assert [(each["event"], each["why"]) for each in logs] == [("object cannot be read", "ValueError: no such stage")]


@pytest.mark.parametrize(
    "wrong", [{}, {"metadata": {}}, {"metadata": {**pod("p", "u", 1)["metadata"], "resourceVersion": "one"}}]
)
def test_what_is_no_object_is_no_answer(wrong: Document) -> None:
    with pytest.raises(ApiUnreachable, match="not one of the Kubernetes API"):
        mirror_of(Store(), Witness()).heard(wrong)


@in_jumping_time
async def test_the_problem_is_told_for_as_long_as_there_is_one() -> None:
    store, witness = Store(), Witness()
    mirror = mirror_of(store, witness)
    assert (mirror.synced, mirror.problem) == (False, "not listed yet")
    async with running(mirror):
        assert (mirror.synced, mirror.problem) == (True, "")
        failed, before = Failing(store), restarts("error")
        mirror.kube = failed
        store.put("p", "u")  # a watch that runs goes on, and ends at its time
        await until(lambda: mirror.problem == "forbidden")
        assert (mirror.synced, list(mirror.objects)) == (True, ["p"])
        await asyncio.sleep(100.0)
        assert 20 <= failed.asked_for <= 30, "every five seconds"
        assert restarts("error") - before == pytest.approx(failed.asked_for, abs=1)
        mirror.kube = store
        await until(lambda: mirror.problem == "")


class Failing(Store):
    """Refuses everything."""

    def __init__(self, store: Store) -> None:
        super().__init__()
        self.asked_for = 0
        self.past = store.past

    async def call(self, *_: object, **__: object) -> Document:
        self.asked_for += 1
        raise ApiRefused("forbidden", 403)

    async def events(self, path: str, query: Mapping[str, str], seconds: int) -> AsyncGenerator[Event]:
        if seconds:
            raise ApiRefused("forbidden", 403)
        async for event in super().events(path, query, seconds):
            yield event


async def test_what_is_wrong_in_who_listens_ends_it() -> None:
    def broken(*_: object) -> None:
        raise ValueError("a bug")

    store = Store()
    store.put("p", "u")
    with pytest.raises(ValueError, match="a bug"):
        await Mirror(store, PODS, "n", Witness().read, broken).run()


def test_ends_are_forgotten_at_last() -> None:
    mirror = mirror_of(Store(), Witness())
    for number in range(ENDS + 5):
        mirror.gone("p", str(number))
    mirror.heard(pod("p", "4", 1))
    mirror.heard(pod("p", "9999", 2))
    assert mirror.objects == {"p": "4@1"}


STEPS = st.lists(st.tuples(st.integers(0, 3), st.sampled_from(("put", "delete", "hear", "hear late"))), max_size=25)


@given(STEPS, st.integers(0, 2**32), st.integers(1, 6))
def test_whatever_the_api_tells_it_ends_with_what_there_is(steps: list[tuple[int, str]], seed: int, lies: int) -> None:
    checked(steps, seed, lies)


@in_jumping_time
async def checked(steps: list[tuple[int, str]], seed: int, lies: int) -> None:
    store, witness = Store(Lies(random.Random(seed), lies)), Witness()
    async with running(mirror_of(store, witness, relist_every=7.0)) as mirror:
        for number, what in steps:
            live = {each["metadata"]["name"]: each["metadata"]["uid"] for each in store.now()}
            name = f"p{number}"
            if what == "delete" and name in live:
                store.delete(name, live[name])
            elif what == "hear late" and store.past:
                mirror.heard(store.lies.chance.choice([seen for _, what, seen in store.past if what != "DELETED"]))
            elif what != "delete":
                written = store.put(name, live.get(name, f"u{store.version}"))
                if what == "hear":
                    mirror.heard(written)
            await asyncio.sleep(store.lies.chance.choice((0.0, 0.0, 1.0, 10.0)))
        store.lies.of = 0
        truth = {each["metadata"]["name"]: witness.read(each) for each in store.now()}
        await until(lambda: mirror.objects == truth)
        await asyncio.sleep(100.0)
        assert mirror.objects == truth
    for name in {each for each, _, _ in witness.changes}:
        versions = [int(each.split("@")[1]) for each in witness.of(name) if each]
        assert versions == sorted(set(versions)), "no state twice, and none older than the one before"
