"""The printed tables of the shipped scenarios: ``python -m tests.simulations.golden [NAME]...`` writes them anew."""

import sys
from collections.abc import Sequence

from simulations.report.table import table
from simulations.scenario import load
from simulations.verbs.opening import SHIPPED, shipped
from simulations.verbs.studies import Way, studied

GOLDEN = SHIPPED / "golden"
SEEDS = 3


def printed(name: str) -> str:
    scenario = load(shipped()[name])
    command = f"warmscaler simulate run {name} --seeds {SEEDS}"
    return table(studied(scenario, scenario.policies, Way(seeds=SEEDS, command=command)))


def main(names: Sequence[str]) -> None:
    for name in names or shipped():
        (GOLDEN / f"{name}.txt").write_text(printed(name), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
