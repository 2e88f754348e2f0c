"""One reading, taken as the service takes it; whatever fails is an outage and never a number."""

import asyncio
from collections.abc import Collection, Mapping
from typing import ClassVar, NoReturn

import pytest
from pydantic import SecretStr

from scaler.errors import Cause, ConfigError, SourceUnavailable
from scaler.model import Ask, Metric
from scaler.net.egress import Egress
from scaler.probes.base import Amount, Found, Pace, Surroundings, Unwatchable, Watching
from scaler.probes.memory import SHELF, Memory
from scaler.probes.registry import Catalogue
from scaler.triggers.params import Params
from scaler.verbs.probe import Probed, probe

WORLD = Catalogue(kinds={"memory": Memory()}, broken={"cracked": "no module named cracked"})


class OddParams(Params):
    """How to go wrong."""

    how: str
    password: SecretStr = SecretStr("hunter2")


class Odd:
    """A kind that goes wrong in the way it is told."""

    kind: ClassVar[str] = "odd"
    params: ClassVar = OddParams
    pace = Pace(timeout=0.1)
    closed: ClassVar[list[str]] = []

    def ask(self, params: OddParams) -> Ask:
        return Ask(source=params.how, query="q", metric=Metric(name="odd", target=1))

    async def open(self, source: str, surroundings: Surroundings) -> "OpenOdd":
        del surroundings
        if source == "at the door":
            raise SourceUnavailable(Cause.DENIED, "not\nyou")
        return OpenOdd(source)


class OpenOdd:
    """Answers as it is told."""

    def __init__(self, how: str) -> None:
        self._how = how

    async def read(self, queries: Collection[str]) -> Mapping[str, Found]:
        match self._how:
            case "hang":
                await asyncio.sleep(60)
            case "raise":
                raise RuntimeError("boom")
            case "nan":
                return {"q": Amount.of(float("nan"))}
            case "value":
                return {"q": SourceUnavailable(Cause.MISSING, "no such thing")}
            case _:
                pass
        return dict.fromkeys(queries, Amount(value=3, activity=7))

    async def watch(self, watching: Watching[str]) -> NoReturn:
        del watching
        raise Unwatchable

    async def close(self) -> None:
        Odd.closed.append(self._how)


async def odd(how: str) -> Probed:
    Odd.closed.clear()
    return await probe("odd", [f"how={how}"], Catalogue(kinds={"odd": Odd()}), Egress(), {})


async def test_a_reading_says_what_keda_would_be_told() -> None:
    SHELF.put("jobs", 7)
    found = await probe("memory", ["key=jobs", "activation=7", "target=2"], WORLD, Egress(), {})
    assert (found.value, found.activity, found.active, found.target, found.outage) == (7, 7, False, 2, None)
    assert found.read_seconds is not None


async def test_activity_decides_and_the_value_is_told() -> None:
    found = await odd("well")
    assert (found.value, found.activity, found.active, Odd.closed) == (3, 7, True, ["well"])


@pytest.mark.parametrize(
    ("how", "outage"),
    [
        ("hang", "timeout: no answer within 0.1 s"),
        ("raise", "bug in the probe: RuntimeError('boom')"),
        ("nan", "invalid answer: a reading must be finite, not nan/nan"),
        ("value", "missing: no such thing"),
    ],
)
async def test_whatever_fails_is_an_outage_and_the_source_is_closed(how: str, outage: str) -> None:
    found = await odd(how)
    assert (found.value, found.active, found.outage, Odd.closed) == (None, None, outage, [how])


async def test_a_source_that_does_not_open_is_not_read() -> None:
    found = await odd("at the door")
    assert (found.outage, found.read_seconds, Odd.closed) == ("denied: not you", None, [])


@pytest.mark.parametrize(
    ("kind", "pairs", "said"),
    [
        pytest.param("cracked", [], "kind cracked: cannot be loaded: no module named cracked", id="a broken plugin"),
        pytest.param("memroy", [], "'memroy' is not one of memory, did you mean 'memory'?", id="no kind"),
        pytest.param("memory", ["x", "key=a"], "probe memory: 'x' is not key=value", id="no pair"),
        pytest.param("memory", ["kye=a"], "'key' is required; unknown key 'kye'", id="two problems"),
        pytest.param("memory", ["keyFromEnv=NOPE"], "no variable 'NOPE' in the environment", id="no variable"),
    ],
)
async def test_what_can_never_work_is_told_at_once(kind: str, pairs: list[str], said: str) -> None:
    with pytest.raises(ConfigError, match=said.replace("?", r"\?")):
        await probe(kind, pairs, WORLD, Egress(), {})


async def test_the_environment_fills_keys_that_name_a_variable() -> None:
    SHELF.put("secret", 1)
    assert (await probe("memory", ["keyFromEnv=NAME"], WORLD, Egress(), {"NAME": "secret"})).active
