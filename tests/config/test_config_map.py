"""A ConfigMap is a configuration like a file, whose author is told what became of it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, NoReturn

import pytest
from structlog.testing import capture_logs

from scaler.config import config_map
from scaler.config.config_map import following_config_map
from scaler.config.live import LastGood, following_config
from scaler.config.source import ConfigMapName, place_named
from scaler.errors import ApiRefused, ApiUnreachable, ConfigError
from scaler.net.kube import Document, Resource
from scaler.testing import FakeClock
from scaler.testing.kube import FakeKube
from tests.config.kinds import KINDS
from tests.config.test_live import Applied, text, until

PLACE = ConfigMapName(namespace="n", name="m")
PATH, KEPT, EVENTS = "/api/v1/namespaces/n/configmaps/m", "/api/v1/namespaces/n/configmaps/m-last-good", "events"


def document(content: bytes | None) -> Document:
    data = {"config.yaml": content.decode()} if content is not None else {}
    return {"metadata": {"namespace": "n", "name": "m", "uid": "u"}, "data": data}


class ToldKube(FakeKube):
    """An API whose watches tell what a test says; ``first`` is told at once."""

    def __init__(self, first: Document | ApiRefused | ApiUnreachable | None) -> None:
        super().__init__()
        self.tell: Callable[[Document | ApiRefused | ApiUnreachable | None], None] = lambda _: None
        self._first = first

    async def follow(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        on_change: Callable[[Document | None], None],
        on_failure: Callable[[ApiRefused | ApiUnreachable], None] = lambda _: None,
    ) -> NoReturn:
        assert resource.path(namespace, name) == PATH

        def tell(said: Document | ApiRefused | ApiUnreachable | None) -> None:
            on_failure(said) if isinstance(said, ApiRefused | ApiUnreachable) else on_change(said)

        self.tell = tell
        tell(self._first)
        await asyncio.Event().wait()
        raise AssertionError

    def told(self) -> list[tuple[str, str]]:
        return [(body["reason"], body["message"]) for (_, path), body in self.sent if path.endswith(EVENTS)]

    def kept(self) -> list[bytes]:
        return [body["data"]["config.yaml"].encode() for (_, path), body in self.sent if path == KEPT]


@asynccontextmanager
async def followed(kube: ToldKube) -> AsyncIterator[tuple[LastGood, Applied]]:
    applied = Applied()
    async with (
        following_config_map(kube, PLACE) as origin,
        following_config(origin, KINDS, applied, FakeClock()) as last_good,
    ):
        yield last_good, applied


async def raised(kube: ToldKube) -> str:
    """Return why a start fails."""
    with pytest.raises(BaseException) as caught:  # noqa: PT011 - a group of one
        async with followed(kube):
            pass
    error: Any = caught.value
    while isinstance(error, BaseExceptionGroup):
        (error,) = error.exceptions
    assert isinstance(error, ConfigError)
    return str(error)


async def test_what_is_good_is_in_force_kept_and_said() -> None:
    kube = ToldKube(document(text(1)))
    kube.objects[KEPT] = {}
    async with followed(kube) as (last_good, applied):
        kube.tell(document(text(2)))
        await until(lambda: len(kube.kept()) == 2)
        assert (applied.limits, kube.kept()) == ([1, 2], [text(1), text(2)])
        assert kube.told()[-1] == ("ConfigAccepted", f"configuration {last_good.told()['hash']} is in force")


async def test_what_is_told_again_unchanged_is_nothing_new() -> None:
    kube = ToldKube(document(text(1)))
    kube.objects[KEPT] = {}
    async with followed(kube) as (_, applied):
        for _ in range(3):
            kube.tell(document(text(1)))
            await asyncio.sleep(0.01)
        await until(lambda: bool(kube.kept()))
        assert (applied.limits, len(kube.told())) == ([1], 1)


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        pytest.param(document(b"limits: {}"), "1:1: 'version' is required: 1", id="a bad text"),
        pytest.param(document(None), "has no key 'config.yaml'", id="no key"),
        pytest.param({"metadata": {"namespace": "n", "name": "m"}}, "has no key 'config.yaml'", id="no data"),
        pytest.param(None, "does not exist", id="no ConfigMap"),
        pytest.param(ApiRefused("GET x: forbidden", 403), "cannot be read: GET x: forbidden", id="no right"),
    ],
)
async def test_what_is_bad_changes_nothing_and_is_said(bad: Any, said: str) -> None:
    kube = ToldKube(document(text(1)))
    async with followed(kube) as (last_good, applied):
        kube.tell(bad)
        await until(lambda: not last_good.told()["valid"])
        assert (applied.limits, last_good.told()["problems"]) == ([1], [said])
        await until(lambda: ("ConfigRejected", f"not in force, nothing changes: {said}") in kube.told())
        kube.tell(document(text(1)))
        await until(lambda: bool(last_good.told()["valid"]))


@pytest.mark.parametrize("bad", [document(b"limits: {}"), document(None), None, ApiRefused("forbidden", 403)])
async def test_a_start_with_a_bad_one_serves_by_what_was_kept(bad: Any) -> None:
    kube = ToldKube(bad)
    kube.objects[KEPT] = document(text(7))
    async with followed(kube) as (last_good, applied):
        assert (applied.limits, last_good.told()["valid"]) == ([7], False)
        await until(lambda: [reason for reason, _ in kube.told()] == ["ConfigRejected"])
        assert kube.kept() == []


async def test_a_start_with_a_bad_one_and_nothing_kept_fails_with_every_problem_and_says_so() -> None:
    kube = ToldKube(document(b"limts: {}\nlimits: {triggers: 0}"))
    assert await raised(kube) == (
        "configuration configmap:n/m: 1:1: 'version' is required: 1; 1:1: unknown key 'limts', did you mean 'limits'?; "
        "2:20: limits.triggers: 0 must be greater than or equal to 1"
    )
    assert [reason for reason, _ in kube.told()] == ["ConfigRejected"]


async def test_a_start_waits_for_the_api_for_a_bounded_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config_map, "START_WITHIN", 0.1)
    kube = ToldKube(ApiUnreachable("the Kubernetes API cannot be reached: refused"))
    kube.unreachable = True
    said = "configuration configmap:n/m: cannot be read: the Kubernetes API cannot be reached: refused"
    assert await raised(kube) == said


async def test_a_start_goes_on_when_the_api_answers() -> None:
    kube = ToldKube(ApiUnreachable("refused"))
    asyncio.get_running_loop().call_later(0.1, lambda: kube.tell(document(text(3))))
    async with followed(kube) as (_, applied):
        assert applied.limits == [3]


async def test_while_serving_an_api_out_of_reach_changes_nothing_and_is_nobodys_mistake() -> None:
    kube = ToldKube(document(text(1)))
    async with followed(kube) as (last_good, applied):
        kube.tell(ApiUnreachable("refused"))
        await asyncio.sleep(0.05)
        assert (applied.limits, last_good.told()["valid"]) == ([1], True)


async def test_that_nothing_can_be_kept_is_logged_once_and_serving_goes_on() -> None:
    kube = ToldKube(document(text(1)))
    kube.refusals[KEPT] = 403
    with capture_logs() as logs:
        async with followed(kube) as (_, applied):
            for triggers in (2, 3):
                kube.tell(document(text(triggers)))
                await until(lambda triggers=triggers: applied.limits[-1] == triggers)  # type: ignore[misc]
            await until(lambda: len(kube.told()) == 3)
            await asyncio.sleep(0.01)
    assert [each["event"] for each in logs if each["log_level"] == "warning"] == ["last good configuration not kept"]


async def test_a_slow_api_delays_no_change() -> None:
    kube = ToldKube(document(text(1)))
    async with followed(kube) as (_, applied):
        kube.silent = True
        for triggers in (2, 3):
            kube.tell(document(text(triggers)))
            assert await until(lambda triggers=triggers: applied.limits[-1] == triggers) < 1.0  # type: ignore[misc]


@pytest.mark.parametrize(
    "wrong", ["configmap:", "configmap:a", "configmap:a/", "configmap:/b", "configmap:A/b", "configmap:a/b/c"]
)
def test_what_is_no_name_of_a_config_map_is_told_what_would_be_right(wrong: str) -> None:
    with pytest.raises(ConfigError, match="is not configmap:NAMESPACE/NAME, such as configmap:warmscaler/warmscaler"):
        place_named(wrong)


def test_a_name_must_leave_room_for_that_of_the_last_good_one() -> None:
    assert place_named(f"configmap:n/{'a' * 243}") == ConfigMapName(namespace="n", name="a" * 243)
    with pytest.raises(ConfigError):
        place_named(f"configmap:n/{'a' * 244}")
