"""What a report is made of: values only."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from simulations.figures import Outcome
from simulations.hazards import Hazard
from simulations.statistics import Interval, Summary, intervals

Setting = float | str


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One policy: what all functions together came to under it, for each seed of the study in turn.

    ``settings`` are what a sweep varied, key by key. ``functions`` are those of the first seed, one by one, where there
    are several.
    """

    policy: str
    seeds: tuple[Summary, ...]
    settings: Mapping[str, Setting] = field(default_factory=dict)
    functions: tuple[Summary, ...] = ()

    def numbers(self) -> Mapping[str, Interval]:
        """Return every number with its interval over the seeds."""
        return intervals(self.seeds)

    def mean(self, name: str) -> float:
        """Return the mean of a number over the seeds."""
        return sum(float(getattr(each, name)) for each in self.seeds) / len(self.seeds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """A point of the clairvoyant bound.

    Nobody misses that share of the replicas that were wanted at once, or less, with less memory of warm pods (GiB·s).
    """

    missed_ratio: float
    warm_gib_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropped:
    """Rows of a trace that could not be used: how many, why, and the first of their lines."""

    rows: int
    why: str
    lines: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """One question and everything that answers it.

    ``present`` and ``recommended`` name policies. ``outcome`` is the run of the first seed under the policy ``shown``,
    for the timeline, and ``wall`` its beginning in seconds since 1970, 0 where that does not matter. ``inputs`` are
    what went in (files, traces, versions), by name; ``command`` is what a person types for the same report. ``oracle``
    is the bound of the first seed.
    """

    name: str
    question: str
    seeds: tuple[int, ...]
    cases: tuple[Case, ...]
    present: str | None = None
    recommended: str | None = None
    outcome: Outcome | None = None
    shown: str | None = None
    wall: float = 0.0
    oracle: tuple[Bound, ...] = ()
    hazards: tuple[Hazard, ...] = ()
    dropped: tuple[Dropped, ...] = ()
    inputs: Mapping[str, str] = field(default_factory=dict)
    command: str = ""

    def __post_init__(self) -> None:
        wrong = list(_wrong(self))
        if wrong:
            raise ValueError("; ".join(wrong))

    def case(self, policy: str | None) -> Case | None:
        """Return the case of a policy; ``None`` for ``None``."""
        return next((each for each in self.cases if each.policy == policy), None)

    @property
    def keys(self) -> tuple[str, ...]:
        """What a sweep varied: the settings that every case has, and of which there is more than one value."""
        every = dict.fromkeys(key for case in self.cases for key in case.settings)
        return tuple(
            key
            for key in every
            if all(key in case.settings for case in self.cases) and len({case.settings[key] for case in self.cases}) > 1
        )

    @property
    def main(self) -> Case:
        """The case that the question is about: the recommended one, else the present one, else the first."""
        return self.case(self.recommended) or self.case(self.present) or self.cases[0]


def _wrong(study: Study) -> Iterator[str]:
    policies = [case.policy for case in study.cases]
    if not policies:
        yield "a study has at least one case"
    for policy in sorted({each for each in policies if policies.count(each) > 1}):
        yield f"there are two cases of the policy '{policy}'"
    for case in study.cases:
        if len(case.seeds) != len(study.seeds):
            yield f"'{case.policy}' has {len(case.seeds)} summaries for {len(study.seeds)} seeds"
    for role in ("present", "recommended", "shown"):
        policy = getattr(study, role)
        if policy is not None and policy not in policies:
            yield f"the {role} policy '{policy}' is none of {', '.join(policies)}"
    if not study.seeds:
        yield "a study has at least one seed"
