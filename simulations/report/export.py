"""A study for other programs: JSON and CSV.

The JSON document is versioned: within a version keys are added and never change their meaning.

- ``version``: 1. ``name``, ``question``, ``answer`` (a sentence), ``command``, ``inputs`` (name → text), ``seeds``.
- ``cases``: for each policy ``policy``, ``settings`` (what a sweep varied), ``present``, ``recommended``, ``frontier``
  (truth values; frontier: no other case has both a lower p99 wait and fewer pod-hours), ``mean`` (statistic → ``mean``,
  ``low``, ``high`` at 95 %), ``against_present`` (the same of the differences from the present policy, seed by seed;
  ``null`` for itself and where there is none), ``seeds`` (a summary for each seed, in order) and ``functions`` (of the
  first seed).
- ``oracle``, of the first seed: ``missed_ratio``, ``warm_gib_s``.
- ``hazards``: ``key``, ``of``, ``what``, ``right``, ``numbers``.
- ``dropped``: ``rows``, ``why``, ``lines``. ``statistics``: for each statistic its ``title`` and its ``unit``.

The statistics are those of :class:`simulations.statistics.Summary`, in its units (shares are 0 to 1). What is not a
finite number is ``null``: the ends of an interval over one seed.
"""

import csv
import json
from collections.abc import Mapping
from dataclasses import asdict
from io import StringIO
from math import isfinite
from typing import Final

from simulations.report.numbers import STATISTICS, Unit
from simulations.report.study import Case, Study
from simulations.report.verdict import answer, frontier
from simulations.statistics import NUMBERS, Interval, paired

VERSION: Final = 1
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
_UNITS: Final = {
    Unit.COUNT: "1",
    Unit.SHARE: "1",
    Unit.SECONDS: "s",
    Unit.HOURS: "h",
    Unit.MEMORY: "GiB·s",
    Unit.RATE: "1/h",
}


def document(study: Study) -> dict[str, object]:
    """Return a study as plain values, all of them finite."""
    unbeaten = {case.policy for case in frontier(study.cases)}
    whole: dict[str, object] = {
        "version": VERSION,
        "name": study.name,
        "question": study.question,
        "answer": answer(study),
        "command": study.command,
        "inputs": dict(study.inputs),
        "seeds": study.seeds,
        "cases": [_case(study, case, unbeaten=case.policy in unbeaten) for case in study.cases],
        "oracle": [asdict(bound) for bound in study.oracle],
        "hazards": [asdict(hazard) for hazard in study.hazards],
        "dropped": [asdict(each) for each in study.dropped],
        "statistics": {each.name: {"title": each.title, "unit": _UNITS[each.unit]} for each in STATISTICS.values()},
    }
    return {key: _plain(value) for key, value in whole.items()}


def as_json(study: Study) -> str:
    """Write the document as JSON."""
    return json.dumps(document(study), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def as_csv(study: Study) -> str:
    """Write one row for each case and seed: the policy, what was varied, the seed, and every statistic."""
    keys = list(dict.fromkeys(key for case in study.cases for key in case.settings))
    out = StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["policy", *map(_cell, keys), "seed", "span", "slo", *NUMBERS])
    for case in study.cases:
        settings = [_cell(case.settings.get(key, "")) for key in keys]
        for seed, summary in zip(study.seeds, case.seeds, strict=True):
            numbers = [getattr(summary, name) for name in ("span", "slo", *NUMBERS)]
            writer.writerow([_cell(case.policy), *settings, seed, *numbers])
    return out.getvalue()


def _case(study: Study, case: Case, *, unbeaten: bool) -> dict[str, object]:
    present = study.case(study.present)
    return {
        "policy": case.policy,
        "settings": dict(case.settings),
        "present": case.policy == study.present,
        "recommended": case.policy == study.recommended,
        "frontier": unbeaten,
        "mean": _intervals(case.numbers()),
        "against_present": _intervals(paired(case.seeds, present.seeds))
        if present is not None and present is not case
        else None,
        "seeds": [asdict(each) for each in case.seeds],
        "functions": [asdict(each) for each in case.functions],
    }


def _intervals(numbers: Mapping[str, Interval]) -> dict[str, object]:
    return {name: {"mean": each.mean, "low": each.low, "high": each.high} for name, each in numbers.items()}


def _plain(value: object) -> object:
    match value:
        case dict():
            return {key: _plain(each) for key, each in value.items()}
        case list() | tuple():
            return [_plain(each) for each in value]
        case float() if not isfinite(value):
            return None
        case _:
            return value


def _cell(value: float | str) -> float | str:
    """Keep a spreadsheet from taking a name for a formula."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
