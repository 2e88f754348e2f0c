"""The answer of Prometheus to a range query: JSON, a series for each function, samples at equal steps.

What the samples are is told by the series' name, if the query left them one, or stated: counts of the step before, a
rate, a counter, or the backlog. Such an answer is small (Prometheus gives at most 11,000 samples of a series), so it is
read whole.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Final

import numpy as np

from scaler.config.text import shown
from scaler.errors import ConfigError
from simulations.model import SECOND, Ints, Series
from simulations.traces.gathering import ONE, TOLD, Reading, traced
from simulations.traces.model import Meaning, Recorded, Trace
from simulations.traces.source import Shape, Source
from simulations.traces.spreading import placed, whole
from simulations.traces.text import unpacked
from simulations.workload.chance import streams
from simulations.workload.rates import Floats

LARGEST: Final = 1 << 28
"""Bytes of an answer: some five million samples."""

_COUNTERS: Final = ("_total", "_count", "_created")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Samples:
    """One series: ``at`` microseconds since 1970, ascending."""

    labels: Mapping[str, str]
    at: Ints
    values: Floats


def is_prometheus(source: Source) -> bool:
    """Tell by its being one JSON document."""
    return source.shape is Shape.JSON


def read_prometheus(sources: Sequence[Source], reading: Reading) -> Trace:
    """Return what the samples say: arrivals, or the backlog."""
    series = _joined([found for source in sources for found in _series(source, reading) if len(found.at)])
    if not series:
        bad = [str(row) for row in reading.ledger.bad[:TOLD]]
        raise ConfigError([f"no good sample among {reading.ledger.rows}", *bad])
    meaning = _meaning(series, reading)
    step = _step(series, reading)
    before = step if meaning in {Meaning.INCREASE, Meaning.RATE} else 0
    first = min(int(found.at[0]) for found in series) - before
    zero = first if reading.options.zero is None else round(reading.options.zero * SECOND)
    functions = {
        name: _recorded(name, found, meaning, zero, reading) for name, found in zip(_names(series), series, strict=True)
    }
    end = max(int(found.at[-1]) for found in series) - zero + (step if meaning is Meaning.BACKLOG else 0)
    return traced(reading, functions, end=end, wall=zero)


def _recorded(name: str, found: _Samples, meaning: Meaning, zero: int, reading: Reading) -> Recorded:
    after = found.at >= zero
    if meaning is Meaning.BACKLOG:
        milli = np.rint(found.values[after] * 1000).astype(np.int64)
        active = (milli > 0).astype(np.int64)
        backlog = Series(times=found.at[after] - zero, values=milli, active=active)
        return Recorded(arrivals=np.zeros(0, dtype=np.int64), backlog=backlog)
    begins, widths, counts = _intervals(found, meaning, _step([found], reading), reading)
    rng = streams(reading.options.seed, "placement", name)
    at = placed(begins, widths, whole(counts), reading.options.placement, rng)
    return Recorded(arrivals=at[at >= zero] - zero)


def _intervals(found: _Samples, meaning: Meaning, step: int, reading: Reading) -> tuple[Ints, Ints, Floats]:
    """Return from when, for how long and how many requests each sample is of."""
    if meaning is Meaning.COUNTER:
        grown = np.diff(found.values)
        if (grown < 0).any():
            reading.ledger.note("samples: a counter began anew, and counts from 0 then")
        return found.at[:-1], np.diff(found.at), np.where(grown < 0, found.values[1:], grown)
    if (np.diff(found.at) > 1.5 * step).any():
        reading.ledger.note("samples: some are missing, taken for times without a request")
    factor = step / SECOND if meaning is Meaning.RATE else 1.0
    return found.at - step, np.full(len(found.at), step), found.values * factor


def _step(series: Sequence[_Samples], reading: Reading) -> int:
    """Return how far samples are apart, in microseconds: as stated, or as two are that are nearest to each other."""
    if reading.options.interval is not None:
        return round(reading.options.interval * SECOND)
    distances = [int(np.diff(found.at).min()) for found in series if len(found.at) > 1]
    if not distances:
        raise ConfigError(["interval: there is one sample only, so say the step of the query, in seconds"])
    return min(distances)


# -- what there is, and what it means ----------------------------------------------------------------------------------


def _meaning(series: Sequence[_Samples], reading: Reading) -> Meaning:
    if reading.options.meaning is not None:
        return reading.options.meaning
    name = series[0].labels.get("__name__", "")
    meaning = _by_name(name)
    because = f"the series is called {shown(name)}" if name else "the series have no name: a function was applied"
    reading.ledger.note(f"samples: taken as {meaning}, because {because}; say the meaning if they are something else")
    return meaning


def _by_name(name: str) -> Meaning:
    if ":rate" in name or ":irate" in name:
        return Meaning.RATE
    if not name or ":increase" in name:
        return Meaning.INCREASE
    return Meaning.COUNTER if name.endswith(_COUNTERS) else Meaning.BACKLOG


def _names(series: Sequence[_Samples]) -> list[str]:
    """Name series by the labels in which they differ."""
    labels = sorted({label for found in series for label in found.labels})
    telling = [label for label in labels if len({found.labels.get(label, "") for found in series}) > 1]
    if not telling:
        return [series[0].labels.get("__name__", ONE)] * len(series)
    return ["/".join(found.labels.get(label, "") for label in telling) for found in series]


def _series(source: Source, reading: Reading) -> Iterator[_Samples]:
    reading.ledger.begin(source.path.name)
    for labels, samples in _results(source):
        good = [found for sample in samples if (found := _sample(sample, reading)) is not None]
        at, values = [at for at, _ in good], [value for _, value in good]
        yield _Samples(labels=labels, at=np.array(at, dtype=np.int64), values=np.array(values, dtype=float))


def _joined(series: Sequence[_Samples]) -> list[_Samples]:
    """Put the parts of a series together, which may stand in several files, in the order of time."""
    parts: dict[tuple[tuple[str, str], ...], list[_Samples]] = {}
    for found in series:
        parts.setdefault(tuple(sorted(found.labels.items())), []).append(found)
    joined = []
    for labels, some in parts.items():
        at, first = np.unique(np.concatenate([each.at for each in some]), return_index=True)
        joined.append(
            _Samples(labels=dict(labels), at=at, values=np.concatenate([each.values for each in some])[first])
        )
    return joined


def _sample(sample: object, reading: Reading) -> tuple[int, float] | None:
    """Return instant and value of ``[1700000000, "5"]``; note what is none."""
    reading.ledger.rows += 1
    at, text = sample if isinstance(sample, list) and len(sample) == 2 else (None, None)  # noqa: PLR2004 - a pair
    if isinstance(at, int | float) and (value := _value(text)) is not None:
        return round(at * SECOND), value
    reading.ledger.refuse(reading.ledger.rows, f"sample {shown(sample)} is no time with a number from 0 on")
    return None


def _value(text: object) -> float | None:
    try:
        value = float(text) if isinstance(text, str | int | float) else -1.0
    except ValueError:
        return None
    return value if 0 <= value < inf else None


def _results(source: Source) -> Iterator[tuple[dict[str, str], list[object]]]:
    """Yield labels and samples of each series. Raises ``ConfigError`` where it is no answer of a range query."""
    content = _parsed(source)
    if isinstance(content, dict) and content.get("status") == "error":
        raise ConfigError([f"is an error of Prometheus: {shown(content.get('error'))}"])
    data = content.get("data", content) if isinstance(content, dict) else {"result": content}
    kind = data.get("resultType", "matrix") if isinstance(data, dict) else "something else"
    result = data.get("result") if isinstance(data, dict) else None
    if kind != "matrix" or not isinstance(result, list):
        raise ConfigError(
            [f"is no answer to a range query: it has {shown(kind)} where that has 'matrix', with 'result'"]
        )
    for number, series in enumerate(result, 1):
        if not isinstance(series, dict) or not isinstance(series.get("values"), list):
            raise ConfigError(
                [f"is no answer to a range query: series {number} has no 'values' (native histograms cannot be read)"]
            )
        labels = series.get("metric")
        yield {str(k): str(v) for k, v in labels.items()} if isinstance(labels, dict) else {}, series["values"]


def _parsed(source: Source) -> object:
    content = bytearray()
    for chunk in unpacked(source.path):
        content += chunk
        if len(content) > LARGEST:
            raise ConfigError([f"is one JSON document of more than {LARGEST >> 20} MiB; ask for a wider step"])
    try:
        parsed: object = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise ConfigError([f"is not JSON: {error}"]) from error
    return parsed
