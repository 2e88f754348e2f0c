"""The section ``pools``: whose pods are kept warm, how many, and how they join their function.

Below the sections is what they mean to the pure rules of a pool's size: past here no text is left to interpret.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Annotated, Final, Literal

from pydantic import Field, model_validator

from scaler.config.difference import differences
from scaler.config.memory import in_bytes
from scaler.config.section import SPAN, Name, Section, checked, span
from scaler.config.timetable import Timetable, Window
from scaler.model import Instant
from scaler.net.egress import MAX_PORT
from scaler.policy.warmth import Auto, Fixed, Sizing
from scaler.triggers.schedule import schedule, time_zone

MOST: Final = 1_000  # pods of one pool
LEAST_MEMORY: Final = "1Mi"
_PORT: Final = {"ge": 1, "le": MAX_PORT}


def _check_cron(value: str) -> None:
    if "=" in value:
        raise ValueError("names its zone in 'timeZone', not in the expression")
    try:
        schedule(value, "UTC")
    except ValueError as error:
        raise ValueError(f"is not a cron expression such as '0 8 * * 1-5': {error}") from error


def _check_zone(value: str) -> None:
    try:
        time_zone(value)
    except ValueError as error:
        raise ValueError("is not a time zone such as Europe/Berlin") from error


def _check_memory(value: str) -> None:
    if in_bytes(value) < in_bytes(LEAST_MEMORY):
        raise ValueError(f"must be at least {LEAST_MEMORY}")


Cron = Annotated[str, checked(_check_cron)]
Zone = Annotated[str, checked(_check_zone)]
Memory = Annotated[str, checked(_check_memory)]


def _one_of(section: Section, *fields: str) -> None:
    """Raise ``ValueError`` unless exactly one of the section's fields is said."""
    if len({*fields} & section.model_fields_set) != 1:
        names = [f"'{type(section).model_fields[field].alias}'" for field in fields]
        raise ValueError(f"names exactly one of {', '.join(names[:-1])} and {names[-1]}")


class SelectorSection(Section):
    """Labels, as Deployments and StatefulSets carry them."""

    match_labels: Annotated[
        dict[str, str], Field(min_length=1, description="Labels that it must all have, `key: value`.")
    ]


class FunctionsSection(Section):
    """Whose pods are kept warm: one Deployment, what a selector finds, or all functions of OpenFunction."""

    namespace: Annotated[Name, Field(description="The namespace of the functions.")]
    deployment: Annotated[Name | None, Field(description="The name of one Deployment.")] = None
    selector: Annotated[
        SelectorSection | None, Field(description="Deployments and StatefulSets with these labels.")
    ] = None
    open_function: Annotated[
        Literal[True] | None, Field(description="`true`: every function of OpenFunction in the namespace.")
    ] = None

    @model_validator(mode="after")
    def _one(self) -> "FunctionsSection":
        _one_of(self, "deployment", "selector", "open_function")
        return self


class WindowSection(Section):
    """A time of a certain size, again and again."""

    cron: Annotated[Cron, Field(description="When it begins, five fields as in a `cron` trigger: `0 8 * * 1-5`.")]
    duration: Annotated[
        float,
        span("1m", "168h"),
        SPAN,
        Field(description="How long it lasts, 1m to 168h, in real time also where clocks change."),
    ]
    time_zone: Annotated[Zone, Field(description="The zone of `cron`, such as `Europe/Berlin`.")] = "UTC"
    size: Annotated[int, Field(ge=0, le=MOST, description="Warm pods of each function meanwhile.")]


class AutoSection(Section):
    """A size that follows what is measured: how often a function wakes, and how long its pods take to start."""

    miss_ratio: Annotated[
        float,
        Field(gt=0, le=0.5, description="The share of pods asked for that may start cold: 0.05 is one in twenty."),
    ] = 0.05
    floor: Annotated[int, Field(ge=0, le=MOST, description="Warm pods of each function at least.")] = 0
    ceiling: Annotated[int, Field(ge=1, le=MOST, description="Warm pods of each function at most.")] = 10
    budget: Annotated[
        Memory | None,
        Field(
            description="Memory of the warm pods of the pool together, at least 1Mi, such as `8Gi`: their requests, or "
            "limits where there are no requests. Where it is not enough it goes where it saves the most time, and may "
            "cut floors. Without it, any."
        ),
    ] = None

    @model_validator(mode="after")
    def _ordered(self) -> "AutoSection":
        if self.floor > self.ceiling:
            raise ValueError("'floor' is above 'ceiling'")
        return self


class SizeSection(Section):
    """How many warm pods: a number, a timetable, or what is measured."""

    fixed: Annotated[
        int | None, Field(ge=0, le=MOST, description="Always so many for each function; 1 where `size` is left out.")
    ] = None
    schedule: Annotated[
        list[WindowSection] | None,
        Field(min_length=1, description="Times of a size; where two overlap, the larger one."),
    ] = None
    otherwise: Annotated[
        int, Field(ge=0, le=MOST, description="Warm pods of each function outside of the times in `schedule`.")
    ] = 0
    auto: Annotated[AutoSection | None, Field(description="As many as wake-ups need, by what is measured.")] = None

    @model_validator(mode="after")
    def _one(self) -> "SizeSection":
        _one_of(self, "fixed", "schedule", "auto")
        if "otherwise" in self.model_fields_set and self.schedule is None:
            raise ValueError("'otherwise' goes with 'schedule'")
        return self


class HttpSection(Section):
    """A page of a pod."""

    port: Annotated[int, Field(**_PORT, description="Its port.")]
    path: Annotated[str, Field(pattern="^/", description="Its path; any answer below 400 is a good one.")] = "/"


class CheckSection(Section):
    """How a warm pod is found fit to serve, besides its own readiness."""

    grpc: Annotated[int | None, Field(**_PORT, description="The port of its gRPC health service.")] = None
    http: Annotated[HttpSection | None, Field(description="A page that answers.")] = None
    tcp: Annotated[int | None, Field(**_PORT, description="A port that accepts connections.")] = None
    interval: Annotated[
        float,
        span("100ms", "1m"),
        SPAN,
        Field(description="Time between two checks, 100ms to 1m.", json_schema_extra={"default": "2s"}),
    ] = 2.0

    @model_validator(mode="after")
    def _one(self) -> "CheckSection":
        _one_of(self, "grpc", "http", "tcp")
        return self


class RefillSection(Section):
    """How fast a pool that gave pods away is filled again."""

    rate: Annotated[float, Field(gt=0, le=100, description="Pods of each function a second, in the long run.")] = 1.0
    burst: Annotated[int, Field(ge=1, le=100, description="Pods of each function at once.")] = 5


class PoolSection(Section):
    """The warm pods of some functions."""

    functions: Annotated[FunctionsSection, Field(description="Whose pods are kept warm.")]
    size: Annotated[SizeSection, Field(description="How many.")] = SizeSection(fixed=1)
    confirm: Annotated[
        int | None,
        Field(
            ge=0,
            le=MOST,
            description="The size once more (fixed, the largest of the schedule, or the ceiling), where a change makes "
            "it ten times as large or as small, or 0: then that is meant, and in force at once. Else such a change "
            "doubles the warm pods of a function, or halves them, every 30s.",
        ),
    ] = None
    handoff: Annotated[
        Literal["auto", "bridge", "adopt"],
        Field(
            description="How a warm pod joins its function: `bridge` serves beside the ReplicaSet until a cold pod is "
            "ready, `adopt` is taken over by it in the end, `auto` adopts where that is safe."
        ),
    ] = "auto"
    check: Annotated[CheckSection | None, Field(description="How it is found fit; without it, by its readiness.")] = (
        None
    )
    refill: Annotated[RefillSection, Field(description="How fast it is filled again.")] = RefillSection()
    max_age: Annotated[
        float,
        span("1m", "720h"),
        SPAN,
        Field(description="A warm pod older than this is replaced, 1m to 720h.", json_schema_extra={"default": "24h"}),
    ] = 86_400.0
    surge: Annotated[
        int,
        Field(
            ge=0,
            le=100,
            description="Pods above the size while old ones are replaced; with 0 an old one goes before its successor "
            "is there.",
        ),
    ] = 1


def wall_clock() -> datetime:
    """Return the time of the calendar."""
    return datetime.now(UTC)


def sizing(section: SizeSection, now: Instant, wall: Callable[[], datetime] = wall_clock) -> Sizing:
    """Return the rules of a pool's size; a schedule as a timetable around ``now``, when it is ``wall`` by the calendar.

    The wall clock may be set at any time, so a timetable is to be asked for anew every minute at least.
    """
    if section.auto is not None:
        return _auto(section.auto)
    if section.schedule is not None:
        return _timetable(section).around(wall(), now)
    return Fixed(size=section.fixed or 0)


def largest(section: SizeSection) -> int:
    """Return the size that ``confirm`` confirms: fixed, the largest of the schedule, or the ceiling."""
    if section.auto is not None:
        return section.auto.ceiling
    return section.fixed or 0 if section.schedule is None else _timetable(section).largest


def difference(before: Mapping[str, PoolSection], after: Mapping[str, PoolSection]) -> list[str]:
    """Tell what differs, pool by pool, such as ``orders: size.fixed 3 -> 5``; nothing for equal sections."""
    return list(_differing(before, after))


def _differing(before: Mapping[str, PoolSection], after: Mapping[str, PoolSection]) -> Iterator[str]:
    for name in sorted({*before, *after}):
        old, new = before.get(name), after.get(name)
        if old is None or new is None:
            yield f"{name}: {'new' if old is None else 'removed'}"
        else:
            yield from (f"{name}: {each}" for each in differences(old, new))


def _auto(section: AutoSection) -> Auto:
    budget = in_bytes(section.budget) if section.budget is not None else None
    return Auto(miss_ratio=section.miss_ratio, floor=section.floor, ceiling=section.ceiling, budget=budget)


def _timetable(section: SizeSection) -> Timetable:
    windows = tuple(
        Window(schedule=schedule(each.cron, each.time_zone), duration=each.duration, size=each.size)
        for each in section.schedule or ()
    )
    return Timetable(windows=windows, otherwise=section.otherwise)
