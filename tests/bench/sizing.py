"""What our sizing keeps idle, beside the best fixed, reactive and histogram settings at as few misses.

``python -m tests.bench sizing [--traces DIR] [--seed N]``. Each family of settings is swept, and for each share of
misses the cheapest setting of each family that misses no more is told. Ours is swept over floors as well as over miss
ratios. Idle is the memory of warm pods that serve nobody, times the seconds; replicas without work are not in it. A
miss is a replica that was wanted at once and had no warm pod.
"""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Final

from joblib import Parallel, delayed  # type: ignore[import-untyped]  # it says nothing of its types

from scaler.config.text import Tree
from simulations.model import SECOND, World
from simulations.policies.overlays import laid
from simulations.run import simulate
from simulations.scenario import load, world
from simulations.scenario.reading import understood
from tests.architecture.tree import ROOT
from tests.bench.tables import printed

GIB: Final = 2**30
TRACES: Final = ROOT.parent / "shared" / "data" / "traces"
PUBLIC: Final = "the public traces are those of the repository Azure/AzurePublicDataset on GitHub, see --traces"
SCENARIOS: Final = ROOT / "simulations" / "scenarios"

Setting = tuple[str, Mapping[str, float]]
"""A policy and its options."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """What a setting came to: the share of misses, GiB-seconds of idle warm pods, and how many pods were wanted."""

    setting: Setting
    missed: float
    idle: float
    wanted: int


def main(arguments: Sequence[str] = ()) -> None:
    """Print a table for each load."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench sizing", description=__doc__)
    parser.add_argument("--traces", type=Path, default=TRACES, help="where the samples of public traces are")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    print("GiB*s of idle warm pods only, replicas without work not counted; ours is swept over floors, too")
    for name, drawn in _loads(options.traces, options.seed):
        settings = list(_settings())
        points = Parallel(n_jobs=-1)(delayed(_point)(drawn, each) for each in settings)
        print(f"\n{name}: {points[0].wanted} replicas wanted at once")
        print(printed(list(_rows(points))))


# -- what is simulated -------------------------------------------------------------------------------------------------


def _loads(traces: Path, seed: int) -> Iterator[tuple[str, World]]:
    """Yield each load with its name; a trace that is not there is left out, and said."""
    for name, file in (
        ("Azure LLM code trace", "azure_llm_2023/AzureLLMInferenceTrace_code.csv"),
        ("Azure Functions 2021 sample", "invitro_azure2021/Azure2021_200.csv"),
    ):
        if (traces / file).exists():
            yield name, _of_trace(traces / file, seed)
        else:
            print(f"{name}: no {file} below {traces}; {PUBLIC}")
    yield "tidal-vehicle-tracking", world(load(SCENARIOS / "tidal-vehicle-tracking.yaml"), seed)


def _of_trace(path: Path, seed: int) -> World:
    """Return a trace's functions, which wake by a push, serve one request at once and sleep after 30 s."""
    function = {
        "name": "traced",
        "trace": {"path": str(path)},
        "memory": "1Gi",
        "scaledObject": {
            "cooldownPeriod": 30,
            "maxReplicaCount": 50,
            "triggers": [{"type": "external-push", "metadata": {"kind": "kafka", "lagThreshold": "1"}}],
        },
        "pods": {"schedule": "500ms", "pull": "0s", "start": "6s", "ready": "1500ms"},
    }
    tree = Tree(value={"question": "How many warm pods?", "functions": [function]}, places={})
    return world(understood(tree, name=path.name, folder=path.parent, about=str(path)), seed)


# -- what is tried -----------------------------------------------------------------------------------------------------

OURS: Final = "pool-auto"
FAMILIES: Final = {"pool-fixed": "fixed", "openwhisk-reactive": "reactive", "histogram": "histogram"}
MISSES: Final = (0.3, 0.25, 0.2, 0.15, 0.1, 0.05, 0.03, 0.01)
_MOST: Final = 60


def _settings() -> Iterator[Setting]:
    for miss_ratio, floor in product((0.5, 0.3, 0.2, 0.1, 0.05, 0.02, 0.01), (0, 1, 2, 3, 5, 10, 20)):
        yield OURS, {"missRatio": miss_ratio, "floor": floor, "ceiling": _MOST}
    for size in (*range(13), 14, 16, 20, 24, 30, 40, 50, _MOST):
        yield "pool-fixed", {"size": size}
    for least, most, interval, ttl in product((0, 1, 2, 5), (1, 2, 4, 8, 16, 32, _MOST), (10, 60, 600), (60, 120, 600)):
        if least <= most:
            yield "openwhisk-reactive", {"minCount": least, "maxCount": most, "interval": interval, "ttl": ttl}
    for head, tail, margin, span, cv in product((0.01, 0.05, 0.2), (0.8, 0.95, 0.99), (0.1, 0.3), (10, 60), (0.0, 2.0)):
        options = {"head": head, "tail": tail, "headMargin": margin, "tailMargin": margin, "bin": span, "cv": cv}
        yield "histogram", {**options, "ceiling": _MOST}


def _point(drawn: World, setting: Setting) -> Point:
    outcome = simulate(laid(setting[0], drawn, setting[1]))
    hits = sum(each.hits for each in outcome.figures)
    missed = sum(each.missed for each in outcome.figures)
    idle = sum(each.warm_time * each.memory for each in outcome.figures) / SECOND / GIB
    return Point(setting=setting, missed=missed / max(1, hits + missed), idle=idle, wanted=hits + missed)


# -- what is told ------------------------------------------------------------------------------------------------------


def _rows(points: Sequence[Point]) -> Iterator[Sequence[str]]:
    yield "misses", "ours, GiB*s", *FAMILIES.values()
    for missed in MISSES:
        ours = _cheapest(points, OURS, missed)
        rivals = (_cheapest(points, family, missed) for family in FAMILIES)
        yield f"<= {missed:.0%}", _told(ours), *(_beside(ours, rival) for rival in rivals)


def _cheapest(points: Sequence[Point], family: str, missed: float) -> Point | None:
    good = [each for each in points if each.setting[0] == family and each.missed <= missed]
    return min(good, key=lambda each: each.idle, default=None)


def _told(point: Point | None) -> str:
    """Say what a setting keeps idle, and which it is."""
    if point is None:
        return "none"
    options = " ".join(f"{key}={value:g}" for key, value in point.setting[1].items() if key != "ceiling")
    return f"{point.idle:,.0f} ({options})"


def _beside(ours: Point | None, rival: Point | None) -> str:
    """Say what a rival keeps idle, and first how much less (or more, with a plus) ours does."""
    if ours is None or rival is None or not rival.idle:
        return _told(rival)
    return f"{ours.idle / rival.idle - 1.0:+.0%} {_told(rival)}"


if __name__ == "__main__":
    main()
