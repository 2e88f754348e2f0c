"""The section ``pools``: warm pods, described in full for a controller to come; nothing acts on it in this release."""

import re
from datetime import UTC, datetime
from typing import Annotated, Final, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError
from pydantic import Field, model_validator

from scaler.config.section import SPAN, Name, Section, checked, span
from scaler.net.egress import MAX_PORT

MOST: Final = 1_000  # pods of one pool
_QUANTITY: Final = re.compile(r"(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[EPTGMk]|[EPTGMK]i)?", re.ASCII)
_PORT: Final = {"ge": 1, "le": MAX_PORT}


def _check_cron(value: str) -> None:
    try:
        CronSim(value, datetime(2026, 1, 1, tzinfo=UTC))
    except CronSimError as error:
        raise ValueError(f"is not a cron expression such as '0 8 * * 1-5': {error}") from error


def _check_zone(value: str) -> None:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError("is not a time zone such as Europe/Berlin") from error


def _check_quantity(value: str) -> None:
    if _QUANTITY.fullmatch(value) is None or not re.search("[1-9]", value):
        raise ValueError("is not an amount of memory such as 8Gi or 512Mi")


Cron = Annotated[str, checked(_check_cron)]
Zone = Annotated[str, checked(_check_zone)]
Memory = Annotated[str, checked(_check_quantity)]


def _one_of(section: Section, *fields: str) -> None:
    """Raise ``ValueError`` unless exactly one of the section's fields is said."""
    if len({*fields} & section.model_fields_set) != 1:
        names = [f"'{type(section).model_fields[field].alias}'" for field in fields]
        raise ValueError(f"names exactly one of {', '.join(names[:-1])} and {names[-1]}")


class SelectorSection(Section):
    """Labels, as Deployments carry them."""

    match_labels: Annotated[
        dict[str, str], Field(min_length=1, description="Labels that a Deployment must all have, `key: value`.")
    ]


class FunctionsSection(Section):
    """Whose pods are kept warm: one Deployment, those that a selector finds, or all functions of OpenFunction."""

    namespace: Annotated[Name, Field(description="The namespace of the functions.")]
    deployment: Annotated[Name | None, Field(description="The name of one Deployment.")] = None
    selector: Annotated[SelectorSection | None, Field(description="The Deployments with these labels.")] = None
    open_function: Annotated[
        Literal[True] | None, Field(description="`true`: every function of OpenFunction in the namespace.")
    ] = None

    @model_validator(mode="after")
    def _one(self) -> "FunctionsSection":
        _one_of(self, "deployment", "selector", "open_function")
        return self


class WindowSection(Section):
    """A time of a certain size, again and again."""

    cron: Annotated[Cron, Field(description="When it begins, five fields: `0 8 * * 1-5`.")]
    duration: Annotated[float, span("1m", "168h"), SPAN, Field(description="How long it lasts, 1m to 168h.")]
    time_zone: Annotated[Zone, Field(description="The zone of `cron`, such as `Europe/Berlin`.")] = "UTC"
    size: Annotated[int, Field(ge=0, le=MOST, description="Warm pods meanwhile.")]


class AutoSection(Section):
    """A size that follows what is measured: how often a function wakes, and how long its pods take to start."""

    miss_ratio: Annotated[
        float, Field(gt=0, le=0.5, description="The share of wake-ups that may find no warm pod.")
    ] = 0.05
    floor: Annotated[int, Field(ge=0, le=MOST, description="Warm pods at least.")] = 0
    ceiling: Annotated[int, Field(ge=1, le=MOST, description="Warm pods at most.")] = 10
    budget: Annotated[
        Memory | None,
        Field(description="Memory that the warm pods may request together, such as `8Gi`; without it, any."),
    ] = None

    @model_validator(mode="after")
    def _ordered(self) -> "AutoSection":
        if self.floor > self.ceiling:
            raise ValueError("'floor' is above 'ceiling'")
        return self


class SizeSection(Section):
    """How many warm pods: a number, a timetable, or what is measured."""

    fixed: Annotated[int | None, Field(ge=0, le=MOST, description="Always so many.")] = None
    schedule: Annotated[
        list[WindowSection] | None, Field(min_length=1, description="Times of a size; of two, the larger.")
    ] = None
    otherwise: Annotated[int, Field(ge=0, le=MOST, description="Warm pods outside of the times in `schedule`.")] = 0
    auto: Annotated[AutoSection | None, Field(description="As many as wake-ups need.")] = None

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

    rate: Annotated[float, Field(gt=0, le=100, description="Pods a second, in the long run.")] = 1.0
    burst: Annotated[int, Field(ge=1, le=100, description="Pods at once.")] = 5


class PoolSection(Section):
    """The warm pods of some functions."""

    functions: Annotated[FunctionsSection, Field(description="Whose pods are kept warm.")]
    size: Annotated[SizeSection, Field(description="How many.")] = SizeSection(fixed=1)
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
    surge: Annotated[int, Field(ge=0, le=100, description="Pods above the size while old ones are replaced.")] = 1
