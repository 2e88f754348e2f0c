"""The public formats: small files by hand, in which every number can be checked by eye."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from simulations.traces import Options, Placement, Tokens, read_trace
from tests.simulations.traces.reading import arrivals, bad, lines, refusal, services, written

EVENLY = Options(placement=Placement.EQUIDISTANT)
APP, FUNCTION = "a1" * 32, "f1" * 32

INVOCATIONS = lines(
    "HashOwner,HashApp,HashFunction,Trigger,1,2,3",
    f"o,{APP},{FUNCTION},http,2,0,1",
    "o,app,hook,queue,0,0,0",
    "o,app,clock,timer,1,1,2",
    "o,app,broken,http,1,x,-1",
)
PERCENTILES = ",".join(f"percentile_Average_{percent}" for percent in (0, 1, 25, 50, 75, 99, 100))
DURATIONS = lines(
    f"HashOwner,HashApp,HashFunction,Average,Count,Minimum,Maximum,{PERCENTILES}",
    f"o,{APP},{FUNCTION},100,3,90,110,100,100,100,100,100,100,100",
    "o,app,clock,100,3,90,110,10,20,30,40,50,60,",
)
MEMORY = lines("HashOwner,HashApp,SampleCount,AverageAllocatedMb,AverageAllocatedMb_pct1", f"o,{APP},5,120.5,1")
SHORT = "a1a1a1a1/f1f1f1f1"

AZURE_2021 = lines(
    "app,func,end_timestamp,duration",
    "app,f,10.5,0.5",
    "app,g,11,9",
    f"{APP},{FUNCTION},12,4",
    "app,f,13,-1",
)
HUAWEI = lines("day,time,0,1", "0,0,1,", "0,1,NaN,2", "0,2,nan,0", "0,3,1,many", "1,0,0,1")
LLM = lines(
    "TIMESTAMP,ContextTokens,GeneratedTokens",
    "2023-11-16 18:17:03.9799600,1000,10",
    "2023-11-16 18:17:04.0000000,0,1",
    "2023-11-16 18:17:05.0,many,1",
)
MOONCAKE = lines("timestamp_ms,input_length,output_length", "0,1000,10", "1500,10,0")


@pytest.fixture
def azure(tmp_path: Path) -> Path:
    written(tmp_path, DURATIONS, "function_durations_percentiles.anon.d01.csv")
    written(tmp_path, MEMORY, "app_memory_percentiles.anon.d01.csv.gz")
    return written(tmp_path, INVOCATIONS, "invocations_per_function_md.anon.d01.csv")


def test_azure_2019(azure: Path) -> None:
    trace = read_trace(azure, options=EVENLY)
    assert (trace.format, trace.end, trace.wall) == ("azure-functions-2019", 180_000_000, None)
    assert arrivals(trace) == {SHORT: [0, 30, 120], "app/hook": [], "app/clock": [0, 60, 120, 150]}
    assert services(trace) == {SHORT: [0.1, 0.1, 0.1], "app/hook": None, "app/clock": None}
    assert {name: function.memory for name, function in trace.functions.items()} == {
        SHORT: int(120.5 * 2**20),
        "app/hook": None,
        "app/clock": None,
    }
    assert [str(row) for row in trace.bad] == [
        "invocations_per_function_md.anon.d01.csv:5: minute 2 'x' is not a number of invocations",
        "function_durations_percentiles.anon.d01.csv:3: has no percentile_average_100",
    ]


def test_azure_2019_timers_are_regular_and_the_others_as_asked(azure: Path) -> None:
    trace = read_trace(azure)
    found = arrivals(trace)
    assert found["app/clock"] == [0, 60, 120, 150]
    assert found[SHORT] != [0, 30, 120]
    assert [at // 60_000_000 for at in trace.functions[SHORT].arrivals.tolist()] == [0, 0, 2]


def test_azure_2019_alone(tmp_path: Path) -> None:
    trace = read_trace(written(tmp_path, INVOCATIONS, "invocations.csv"))
    assert services(trace)[SHORT] is None
    assert "durations: there is no file of it beside invocations.csv" in trace.notes


def test_azure_2019_day_after_day(azure: Path) -> None:
    written(azure.parent, INVOCATIONS.replace("http,2,0,1", "http,0,0,1"), "invocations_per_function_md.anon.d02.csv")
    trace = read_trace(azure.parent, options=EVENLY)
    assert arrivals(trace)[SHORT] == [0, 30, 120, 300]
    assert trace.end == 360_000_000


def test_azure_2021(tmp_path: Path) -> None:
    trace = read_trace(written(tmp_path, AZURE_2021))
    assert (trace.format, trace.rows, bad(trace)) == (
        "azure-functions-2021",
        4,
        ["line 5: duration '-1' is not a duration"],
    )
    assert arrivals(trace) == {"app/f": [8], "app/g": [0], SHORT: [6]}
    assert services(trace) == {"app/f": [0.5], "app/g": [9], SHORT: [4]}


def test_huawei(tmp_path: Path) -> None:
    trace = read_trace(written(tmp_path, HUAWEI), options=EVENLY)
    assert trace.format == "huawei-2023"
    assert arrivals(trace) == {"0": [0], "1": [1, 1.5, 86_400]}
    assert bad(trace) == ["line 5: 1 'many' is not a number from 0 on"]
    assert trace.end == 86_401 * 10**6


def test_huawei_counts_time_from_the_day_or_from_the_first_day(tmp_path: Path) -> None:
    within = lines("day,time,7", "0,60,1", "0,120,0", "1,0,1", "1,60,0")
    since = lines("day,time,7", "0,60,1", "0,120,0", "1,86400,1", "1,86460,0")
    found = [read_trace(written(tmp_path, content), options=EVENLY) for content in (within, since)]
    assert [arrivals(trace) for trace in found] == [{"7": [0, 86_340]}] * 2
    assert "counts: of 60 s each, from the time on that they have" in found[0].notes


@pytest.mark.parametrize(
    ("content", "name", "found", "wall"),
    [
        pytest.param(LLM, "azure-llm", [0, 0.02004], 1_700_158_623.97996, id="azure"),
        pytest.param(MOONCAKE, "mooncake", [0, 1.5], None, id="mooncake"),
        pytest.param(
            lines(
                json.dumps({"timestamp": 27_000, "input_length": 1000, "output_length": 10, "hash_ids": [1, 2]}),
                json.dumps({"timestamp": 28_500, "input_length": 10, "output_length": 0, "hash_ids": []}),
            ),
            "mooncake",
            [0, 1.5],
            None,
            id="mooncake as it is published",
        ),
    ],
)
def test_requests_to_language_models(
    tmp_path: Path, content: str, name: str, found: list[float], wall: float | None
) -> None:
    tokens = Tokens(context=1e-3, generated=0.1, fixed=0.5)
    trace = read_trace(written(tmp_path, content), options=Options(tokens=tokens))
    assert (trace.format, arrivals(trace)["trace"]) == (name, found)
    service = services(trace)["trace"]
    assert service is not None
    assert service[0] == 0.5 + 1 + 1
    assert trace.wall == pytest.approx(wall, abs=1e-6) if wall else trace.wall is None
    assert "service: 0.5 s, 1 ms for a token of context, and 100 ms for one that is generated" in trace.notes


def test_a_bad_number_of_tokens_is_a_bad_row(tmp_path: Path) -> None:
    assert bad(read_trace(written(tmp_path, LLM))) == ["line 4: ContextTokens 'many' is not a number of tokens"]


# -- Prometheus --------------------------------------------------------------------------------------------------------


def answer(*series: tuple[Mapping[str, str], list[object]], start: int = 1_700_000_000) -> str:
    """Return an answer with samples a minute apart."""
    result = [
        {"metric": labels, "values": [[start + 60 * place, value] for place, value in enumerate(values) if value != ""]}
        for labels, values in series
    ]
    return json.dumps({"status": "success", "data": {"resultType": "matrix", "result": result}}, indent=2)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(answer(({}, ["2", "0", "1"])), {"trace": [0, 30, 120]}, id="increases, each of the step before"),
        pytest.param(answer(({}, ["0.5", "0.5", "1"])), {"trace": [60, 120]}, id="broken ones keep their sum"),
        pytest.param(answer(({}, ["1", "", "1"])), {"trace": [0, 120]}, id="a gap is no request"),
        pytest.param(
            answer(({"__name__": "events_total"}, ["5", "7", "7", "1"])),
            {"events_total": [0, 30, 120]},
            id="a counter that begins anew",
        ),
        pytest.param(
            answer(({"__name__": "job:events:rate1m"}, ["0", "0.05"])),
            {"job:events:rate1m": [60, 80, 100]},
            id="a rate",
        ),
        pytest.param(
            answer(
                ({"function": "a", "job": "x", "pod": "1"}, ["1", "0"]),
                ({"function": "b", "job": "x", "pod": "2"}, ["0", "1"]),
            ),
            {"a/1": [0], "b/2": [60]},
            id="named by what tells them apart",
        ),
    ],
)
def test_prometheus(tmp_path: Path, content: str, expected: dict[str, list[float]]) -> None:
    trace = read_trace(written(tmp_path, content, "answer.json"), options=EVENLY)
    assert (trace.format, trace.bad_rows) == ("prometheus", 0)
    assert arrivals(trace) == expected


def test_prometheus_backlog(tmp_path: Path) -> None:
    content = answer(({"__name__": "kafka_consumergroup_lag", "group": "g"}, ["0", "2.5", "0"]))
    trace = read_trace(written(tmp_path, content, "answer.json"))
    backlog = trace.functions["kafka_consumergroup_lag"].backlog
    assert backlog is not None
    assert (backlog.times.tolist(), backlog.values.tolist(), backlog.active.tolist()) == (
        [0, 60_000_000, 120_000_000],
        [0, 2500, 0],
        [0, 1, 0],
    )
    assert (trace.end, trace.wall) == (180_000_000, 1.7e9)
    assert any(
        "taken as backlog, because the series is called 'kafka_consumergroup_lag'" in said for said in trace.notes
    )


def test_prometheus_in_two_files(tmp_path: Path) -> None:
    for name, start in (("a.json", 1_700_000_060), ("b.json", 1_700_000_000)):
        written(tmp_path, answer(({"job": "x"}, ["2", "1"]), start=start), name)
    assert arrivals(read_trace(tmp_path, options=EVENLY)) == {"trace": [0, 30, 60, 90, 120]}


def test_prometheus_bad_samples(tmp_path: Path) -> None:
    trace = read_trace(written(tmp_path, answer(({}, ["1", "1", "NaN", "+Inf", "-1", None, "1"])), "answer.json"))
    assert [row.line for row in trace.bad] == [3, 4, 5, 6]
    assert "sample [1700000120, 'NaN'] is no time with a number from 0 on" in bad(trace)[0]
    assert "samples: some are missing, taken for times without a request" in trace.notes


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param('{"errorType": "x", "status": "error", "error": "no"}', "of Prometheus: 'no'", id="error"),
        pytest.param('{"data": {"resultType": "vector", "result": []}}', "it has 'vector' where that", id="an instant"),
        pytest.param('{"data":\n[1]}', "it has 'something else'", id="another answer"),
        pytest.param('{"data": [1]}', "is of no known format", id="a row without a timestamp"),
        pytest.param('[{"histograms": []}]', "series 1 has no 'values'", id="a native histogram"),
        pytest.param("[1, 2", "is not JSON: Expecting ',' delimiter", id="broken"),
        pytest.param('{"data": {"result": []}}', "no good sample among 0", id="empty"),
        pytest.param(answer(({}, ["1"])), "interval: there is one sample only", id="one sample"),
    ],
)  # fmt: skip
def test_what_is_no_answer_to_a_range_query(tmp_path: Path, content: str, said: str) -> None:
    assert said in refusal(written(tmp_path, content, "answer.json"))


def test_the_same_seed_places_alike_and_another_does_not(azure: Path) -> None:
    found = [read_trace(azure, options=Options(seed=seed)).functions[SHORT].arrivals for seed in (1, 1, 2)]
    assert np.array_equal(found[0], found[1])
    assert not np.array_equal(found[0], found[2])
