"""The recommended pools: what changes in the configuration, why, and what it costs beside today's."""

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import yaml

from scaler.config.memory import in_bytes
from scaler.config.section import POOL_NAME
from scaler.errors import ConfigError
from simulations.recommend import Advice, Goal, Recommendation, Whose, recommend
from simulations.report.export import document
from simulations.report.study import Bound, Study
from simulations.scenario import Scenario, workloads, world
from simulations.scenario.reading import overlaid
from simulations.verbs.options import Output
from simulations.verbs.printing import put_report, show
from simulations.verbs.studies import Way, studied

RECOMMENDED = "recommended"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a person wants: at most so many misses, within a budget such as ``8Gi``."""

    miss_ratio: float
    budget: str | None = None

    def goal(self) -> Goal:
        """Return the goal; raise :class:`ConfigError` for a budget that is no amount of memory."""
        try:
            budget = None if self.budget is None else in_bytes(self.budget)
        except ValueError as error:
            raise ConfigError([f"--budget {self.budget!r} {error}"]) from error
        return Goal(miss_ratio=self.miss_ratio, budget=budget)


def recommended(scenario: Scenario, wish: Wish, way: Way, output: Output, html: Path | None) -> bool:
    """Print the recommendation, and tell whether it keeps within the misses that are allowed.

    Raises :class:`ConfigError` where nothing can be recommended.
    """
    found = recommend(
        world(scenario, scenario.document.seed), wish.goal(), whose=dict(_whose(scenario)), engine=way.engine
    )
    study = _study(scenario, found, way)
    if html is not None:
        put_report(study, html)
    if output is Output.JSON:
        sys.stdout.write(json.dumps({**_plain(found), "study": document(study)}, indent=2) + "\n")
    elif output is Output.YAML:
        sys.stdout.write(found.document)
    else:
        stream = sys.stdout if output is Output.TABLE else sys.stderr
        stream.writelines(f"{line}\n" for line in _lines(found))
        show(study, output)
    return found.met


def _whose(scenario: Scenario) -> Iterator[tuple[str, Whose]]:
    """Yield the Deployments that are known; what is no name of an object is left to be made one."""
    for name, each in workloads(scenario.document, scenario.folder).items():
        if re.fullmatch(POOL_NAME, each.name):
            yield name, Whose(deployment=each.name, **({"namespace": each.namespace} if each.namespace else {}))


def _study(scenario: Scenario, found: Recommendation, way: Way) -> Study:
    """Simulate today's and the recommended pools under every seed: the sizes were chosen under the first."""
    pools = yaml.safe_load(found.document)["pools"]
    upper = {
        "pools": pools,
        "functions": [{"name": name, "pool": each.pool} for each in found.advice for name in _named(scenario, each)],
    }
    other = overlaid(scenario.values, upper, name=RECOMMENDED, folder=Path(scenario.folder))
    study = studied(scenario, {RECOMMENDED: other}, way)
    bound = tuple(Bound(missed_ratio=each.missed_ratio, warm_gib_s=each.gib_s) for each in found.bound)
    return replace(study, recommended=RECOMMENDED, oracle=bound)


def _named(scenario: Scenario, advice: Advice) -> list[str]:
    """Return the functions of a pool that stand in the scenario by their own names; others are found by the pool."""
    own = {each.name for each in scenario.document.functions if each.copies == 1}
    return [name for name in advice.functions if name in own]


def _lines(found: Recommendation) -> Iterator[str]:
    yield found.difference.rstrip() or "# today's pools are what would be recommended"
    yield ""
    for each in found.advice:
        kept = "" if each.met else " (more misses than allowed: no size that was tried does better)"
        yield f"{each.pool}: {each.why}{kept}"
    for name in found.left_out:
        yield f"{name}: can have no warm pods"
    yield ""


def _plain(found: Recommendation) -> dict[str, object]:
    return {
        "met": found.met,
        "difference": found.difference,
        "pools": yaml.safe_load(found.document)["pools"],
        "why": {each.pool: each.why for each in found.advice},
        "leftOut": list(found.left_out),
    }
