"""One object is followed, whatever the API server answers."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from scaler.errors import ApiRefused, ApiUnreachable
from scaler.net.kube import CONFIG_MAPS, LONGEST, Document, Kube, Resource
from tests.net.api import Answer, Script, events, listed, map_of, scripted, status

PATIENCE = 20.0  # s


class Heard:
    """What a follower heard: the texts of the object, ``None`` while there is none, and failures."""

    def __init__(self) -> None:
        self.texts: list[str | None] = []
        self.failures: list[ApiRefused | ApiUnreachable] = []
        self._news = asyncio.Event()

    def change(self, document: Document | None) -> None:
        self.texts.append(document["data"]["config.yaml"] if document is not None else None)
        self._news.set()

    def fail(self, error: ApiRefused | ApiUnreachable) -> None:
        self.failures.append(error)
        self._news.set()

    async def until(self, fact: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not fact():
                await self._news.wait()
                self._news.clear()


async def follow(script: Script, folder: Path, texts: list[str | None]) -> Heard:
    """Follow until ``texts`` were heard."""
    heard = Heard()
    async with scripted(script, folder) as kube:
        following = asyncio.create_task(kube.follow(CONFIG_MAPS, "n", "m", heard.change, heard.fail))
        try:
            await heard.until(lambda: heard.texts[: len(texts)] == texts or following.done())
            await asyncio.sleep(0.05)
        finally:
            following.cancel()
            with suppress(asyncio.CancelledError):
                await following
    assert heard.texts == texts
    return heard


async def test_the_object_as_it_is_and_each_change(tmp_path: Path) -> None:
    script = Script(
        lists=[listed("a", version=5)],
        watches=[
            events(("MODIFIED", map_of("b", 6)), ("DELETED", map_of("b", 7)), ("ADDED", map_of("c", 8))),
            events(("BOOKMARK", map_of("", 20))),
        ],
    )
    heard = await follow(script, tmp_path, ["a", "b", None, "c"])
    assert script.versions == ["5", "8", "20"], "a watch that has ended goes on where it was, with no list"
    assert heard.failures == []


async def test_it_asks_for_this_object_alone(tmp_path: Path) -> None:
    script = Script(lists=[listed("a", version=5)])
    await follow(script, tmp_path, ["a"])
    assert {each["fieldSelector"] for each in script.asked} == {"metadata.name=m"}


async def test_an_object_that_is_not_there_is_none(tmp_path: Path) -> None:
    script = Script(lists=[listed(version=5)], watches=[events(("ADDED", map_of("a", 6)))])
    await follow(script, tmp_path, [None, "a"])


GONE = {"kind": "Status", "code": 410, "message": "too old resource version"}


@pytest.mark.parametrize(
    "outdated", [pytest.param(status(410), id="as a status"), pytest.param(events(("ERROR", GONE)), id="as an event")]
)
async def test_an_outdated_watch_begins_anew_and_nobody_is_alarmed(tmp_path: Path, outdated: Answer) -> None:
    script = Script(lists=[listed("a", version=5), listed("b", version=9)], watches=[outdated])
    with capture_logs() as logs:
        heard = await follow(script, tmp_path, ["a", "b"])
    assert (script.versions, heard.failures) == (["5", "9"], [])
    assert [each["event"] for each in logs] == []


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        pytest.param((0, ""), "cannot be reached", id="a connection that is cut"),
        pytest.param((200, "<html>Log in, please</html>\n"), "is not one of the Kubernetes API", id="a page"),
        pytest.param((200, "[1]\n"), "is not one of the Kubernetes API", id="a list"),
        pytest.param((200, '{"type": "ADDED", "object": {}}\n'), "is not one of the", id="an object without a name"),
        pytest.param((200, "x" * (LONGEST + 1)), "longer than 16 MiB", id="an event without an end"),
        pytest.param(status(500, "etcd is gone"), "etcd is gone", id="an error"),
        pytest.param(status(403, "forbidden: watch"), "forbidden: watch", id="a refusal"),
    ],
)
async def test_a_watch_that_fails_is_resumed_by_a_list_and_said(tmp_path: Path, wrong: Answer, said: str) -> None:
    cuts = 2 if wrong[0] == 0 else 1  # the library tries again by itself, once
    script = Script(lists=[listed("a", version=5), listed("b", version=9)], watches=[wrong] * cuts)
    with capture_logs() as logs:
        heard = await follow(script, tmp_path, ["a", "b"])
    assert said in str(heard.failures[0])
    assert len(heard.failures) == 1
    assert [each["event"] for each in logs] == ["cannot follow", "follows again"]


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(status(403), id="a refusal"),
        pytest.param((0, ""), id="no answer"),
        pytest.param((200, "<html></html>"), id="a page"),
        pytest.param((200, '{"items": 5}'), id="something else"),
        pytest.param((200, "[1]"), id="a list of JSON"),
        pytest.param((200, "null"), id="nothing of JSON"),
        pytest.param((200, "[" * 100_000), id="nested deeper than can be read"),
        pytest.param((200, '{"items": [{}], "metadata": {"resourceVersion": "1"}}'), id="an object of no name"),
        pytest.param((502, '["bad gateway"]'), id="an error in other words"),
    ],
)
async def test_a_list_that_fails_is_asked_again_and_said_once(tmp_path: Path, wrong: Answer) -> None:
    script = Script(lists=[wrong, wrong, wrong, listed("a", version=5)])
    with capture_logs() as logs:
        heard = await follow(script, tmp_path, ["a"])
    assert len(heard.failures) == 1
    assert [each["event"] for each in logs] == ["cannot follow", "follows again"]


async def test_an_api_that_fails_at_once_is_not_asked_without_a_pause(tmp_path: Path) -> None:
    script, heard = Script(lists=[status(403)]), Heard()
    async with scripted(script, tmp_path) as kube:
        with suppress(TimeoutError):
            async with asyncio.timeout(1.0):
                await kube.follow(CONFIG_MAPS, "n", "m", heard.change, heard.fail)
    assert len(script.asked) <= 4  # at 0, 0.2, 0.6 and 1.4 s


async def test_a_watch_that_ends_at_once_is_not_begun_without_a_pause(tmp_path: Path) -> None:
    script, heard = Script(lists=[listed("a", version=5)], watches=[(200, "")] * 1_000), Heard()
    async with scripted(script, tmp_path) as kube:
        with suppress(TimeoutError):
            async with asyncio.timeout(1.0):
                await kube.follow(CONFIG_MAPS, "n", "m", heard.change, heard.fail)
    assert len(script.asked) <= 6  # a list, then watches at 0, 0.2, 0.6 and 1.4 s


async def test_who_may_list_and_not_watch_alarms_once(tmp_path: Path) -> None:
    script, heard = Script(lists=[listed("a", version=5)], watches=[status(403, "forbidden: watch")] * 1_000), Heard()
    async with scripted(script, tmp_path) as kube:
        with capture_logs() as logs, suppress(TimeoutError):
            async with asyncio.timeout(2.0):
                await kube.follow(CONFIG_MAPS, "n", "m", heard.change, heard.fail)
    assert len(heard.failures) == 1
    assert [each["event"] for each in logs] == ["cannot follow", "follows again"]


@pytest.mark.parametrize("code", [429, 500, 502, 503])
async def test_a_server_in_trouble_has_not_refused(tmp_path: Path, code: int) -> None:
    async with scripted(Script(lists=[status(code, "later")]), tmp_path) as kube:
        with pytest.raises(ApiUnreachable, match="later"):
            await kube.call("GET", CONFIG_MAPS.path("n", "m"))


@pytest.mark.parametrize("code", [401, 403, 404, 409])
async def test_a_refusal_is_one(tmp_path: Path, code: int) -> None:
    async with scripted(Script(lists=[status(code, "no")]), tmp_path) as kube:
        with pytest.raises(ApiRefused, match="no") as refused:
            await kube.call("GET", CONFIG_MAPS.path("n", "m"))
    assert refused.value.status == code


async def test_a_call_that_is_not_answered_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scaler.net.kube.PATIENCE", 0.2)
    async with scripted(Script(), tmp_path) as kube:
        with pytest.raises(ApiUnreachable, match="no answer within"):
            async with asyncio.timeout(PATIENCE):
                await kube.call("GET", CONFIG_MAPS.path("n"), query={"watch": "true"})


@pytest.mark.parametrize(
    "resource",
    [
        Resource(api="v1", plural="secrets/x?a="),
        Resource(api="v1", plural=".."),
        Resource(api="../v1", plural="pods"),
        Resource(api="a/b/v1", plural="pods"),
        Resource(api="", plural="pods"),
    ],
)
def test_a_resource_that_is_none_leads_nowhere(resource: Resource) -> None:
    with pytest.raises(ValueError, match="is not the"):
        resource.path("n", "m")


async def test_what_is_wrong_in_the_follower_is_no_failure_of_the_api(tmp_path: Path) -> None:
    def broken(document: Document | None) -> None:
        raise ValueError(document)

    async with scripted(Script(lists=[listed("a", version=5)]), tmp_path) as kube:
        with pytest.raises(ValueError, match="resourceVersion"):
            await kube.follow(CONFIG_MAPS, "n", "m", broken)


@pytest.mark.parametrize("name", ["", "A", "a/b", "..", "a..b", "a,metadata.namespace=b", "a" * 254])
async def test_what_cannot_be_a_name_is_not_asked_for(name: str) -> None:
    if name:
        with pytest.raises(ValueError, match="not the name of a Kubernetes object"):
            await Kube(None, "n").follow(CONFIG_MAPS, "n", name, lambda _: None)
    with pytest.raises(ValueError, match="not the name of a Kubernetes object"):
        Resource(api="v1", plural="configmaps").path(name)
