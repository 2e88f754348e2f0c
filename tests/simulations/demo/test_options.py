"""The command line of the demo: what it means, and what is said of what means nothing."""

import pytest

from scaler.errors import ConfigError
from scaler.verbs.output import Output
from simulations.demo.options import Compare, Options, PlannedOutage, Source, Words, seconds, understand


@pytest.mark.parametrize(
    ("text", "length"),
    [
        pytest.param("30s", 30.0, id="seconds"),
        pytest.param("500ms", 0.5, id="milliseconds are not minutes and seconds"),
        pytest.param("1m30s", 90.0, id="several units add up"),
        pytest.param("1.5h", 5400.0, id="a fraction"),
    ],
)
def test_times(text: str, length: float) -> None:
    assert seconds(text) == length


@pytest.mark.parametrize("text", ["", "30", "s", "-5s", "5s ", "5 s", "5d", "1m30", "nan", "5s+5s"])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(ValueError, match="is not a time like 30s"):
        seconds(text)


@pytest.mark.parametrize(
    ("words", "options"),
    [
        pytest.param(Words(), Options(), id="nothing said is the live demo with polling beside it"),
        pytest.param(Words(headless=True), Options(headless=True, duration=30.0), id="headless ends by itself"),
        pytest.param(
            Words(source="memory", compare="none", seed=7, speed="5x"),
            Options(source=Source.MEMORY, compare=Compare.NONE, seed=7, speed=5.0),
            id="a speed with an x",
        ),
        pytest.param(Words(pool=0), Options(pool=0), id="no pool"),
        pytest.param(Words(speed="2.5"), Options(speed=2.5), id="a speed without one"),
        pytest.param(
            Words(duration="30s", outage="5s+20s", headless=True, output=Output.JSON),
            Options(
                duration=30.0,
                outage=PlannedOutage(start=5.0, length=20.0),
                headless=True,
                output=Output.JSON,
            ),
            id="a planned outage",
        ),
        pytest.param(
            Words(outage="5s+2h"),
            Options(outage=PlannedOutage(start=5.0, length=7200.0)),
            id="without an end, any outage",
        ),
    ],
)
def test_what_options_mean(words: Words, options: Options) -> None:
    assert understand(words) == options


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        pytest.param(Words(source="kafka"), "--source: 'kafka' is not one of nats, memory", id="an unknown source"),
        pytest.param(Words(compare="push"), "--compare: 'push' is not one of poll, none", id="nothing to compare with"),
        pytest.param(Words(speed="fast"), "--speed: 'fast' is not a factor like 5x", id="a speed in words"),
        pytest.param(Words(speed="21x"), "--speed: '21x' is not between 0.1x and 20x", id="too fast"),
        pytest.param(Words(speed="0x"), "--speed: '0x' is not between 0.1x and 20x", id="standing still"),
        pytest.param(Words(duration="30"), "--duration: '30' is not a time like", id="a duration without a unit"),
        pytest.param(Words(duration="0s"), "--duration: a run shorter than 1s", id="no time at all"),
        pytest.param(Words(outage="5s"), "--outage: '5s' is not START+LENGTH", id="an outage without length"),
        pytest.param(Words(outage="x+5s"), "--outage: 'x' is not a time", id="an outage that starts nowhere"),
        pytest.param(Words(outage="5s+0s"), "--outage: its length must be above zero", id="an outage of no length"),
        pytest.param(
            Words(duration="20s", outage="5s+20s"), "--outage ends at 25s, after the 20s", id="an outage too long"
        ),
        pytest.param(Words(pool=11), "--pool: 11 is not between 0 and 10", id="a pool too large"),
        pytest.param(Words(pool=-1), "--pool: -1 is not between 0 and 10", id="less than no pool"),
        pytest.param(Words(output=Output.JSON), "--output json needs --headless", id="a document into the picture"),
    ],
)
def test_options_that_make_no_sense(words: Words, problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        understand(words)
    assert problem in str(caught.value)
    assert "\n" not in str(caught.value)


def test_all_problems_come_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        understand(Words(source="x", speed="y", duration="z", outage="w"))
    assert len(caught.value.problems) == 4
