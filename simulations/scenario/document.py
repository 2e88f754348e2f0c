"""The YAML document of a scenario: what is asked, of which functions, for how long, and under which policies.

The descriptions below become the JSON Schema, :func:`scenario_schema`. Times are spelled with their unit; what belongs
to KEDA, to the HPA and to the service is spelled as they do it.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field, model_validator

from scaler.config.document import Document as ServiceDocument
from scaler.config.pools import Memory, PoolSection
from scaler.config.section import SPAN, Name, PoolName, Section, span
from simulations.model import Counts
from simulations.scenario.specs import ScaledJobSection, ScaledObjectSection
from simulations.traces.model import Meaning, Placement, Unit
from simulations.workload.arrivals import ArrivalsSection
from simulations.workload.durations import DurationSection
from simulations.workload.words import Length, Time

MONDAY: Final = datetime(2026, 1, 5, tzinfo=UTC).timestamp()
"""Seconds since 1970: when a run begins by the calendar, where nobody says otherwise."""
VERSIONS: Final = r"^1\.[0-9]{1,3}$"


def _calendar(value: object) -> object:
    """Read an instant of the calendar, as seconds since 1970."""
    if not isinstance(value, str):
        raise ValueError("is not a time such as 2026-01-05T08:00:00Z")  # noqa: TRY004 - pydantic listens for this one
    try:
        moment = datetime.fromisoformat(value)
    except ValueError as error:
        raise ValueError("is not a time such as 2026-01-05T08:00:00Z") from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _named(value: object) -> object:
    """Read the name of a policy as the policy without options."""
    return {value: {}} if isinstance(value, str) else value


def _duration(**same: str) -> DurationSection:
    """Return a section as it would be written."""
    return DurationSection.model_validate(same)


class TraceSection(Section):
    """Arrivals that were recorded."""

    path: Annotated[str, Field(min_length=1, description="The file, seen from the scenario's folder.")]
    format: Annotated[
        str | None, Field(description="Its format, where it is not recognised: see `simulate list formats`.")
    ] = None
    function: Annotated[
        str | None, Field(description="The one function of the trace; without it, each is a function of its own.")
    ] = None
    unit: Annotated[Unit | None, Field(strict=False, description="Of bare timestamps, where it is not clear.")] = None
    duration_unit: Annotated[
        Unit | None, Field(strict=False, description="Of bare durations, where it is not clear.")
    ] = None
    interval: Annotated[
        float | None, Field(gt=0, description="Seconds that a count stands for, where it is not clear.")
    ] = None
    columns: Annotated[
        dict[Literal["timestamp", "count", "function", "duration"], str],
        Field(description="What the file's columns are called, where it is not clear: `{timestamp: ts}`."),
    ] = Field(default_factory=dict)
    placement: Annotated[
        Placement, Field(strict=False, description="Where arrivals are in an interval of which only a count is known.")
    ] = Placement.UNIFORM
    meaning: Annotated[Meaning | None, Field(strict=False, description="Of the samples of a Prometheus query.")] = None


class PodsSection(Section):
    """How long a pod takes to start, phase by phase."""

    schedule: Annotated[DurationSection, Field(description="From its creation to a node.")] = Field(
        default_factory=lambda: _duration(constant="100ms")
    )
    pull: Annotated[DurationSection, Field(description="Of its image; 0s where the node has it.")] = Field(
        default_factory=lambda: _duration(constant="0s")
    )
    start: Annotated[DurationSection, Field(description="Of its containers, and of the program in them.")] = Field(
        default_factory=lambda: DurationSection.model_validate({"lognormal": {"median": "3s", "p95": "6s"}})
    )
    ready: Annotated[
        DurationSection | None,
        Field(
            description="Until its readiness is seen; without this as the Deployment's readinessProbe says, else 0s to "
            "1s."
        ),
    ] = None


class SourceSection(Section):
    """How the backlog is counted and read; what is left out follows from the trigger."""

    counts: Annotated[
        Counts | None,
        Field(strict=False, description="`unfinished`: what waits and what is in service; `waiting`: what waits."),
    ] = None
    watch: Annotated[
        Time | None,
        Field(description="How long after an arrival a quiet source is read once more, 5ms; 0s where it cannot tell."),
    ] = None
    interval: Annotated[
        float | None,
        span("100ms", "10m"),
        SPAN,
        Field(description="Time between two readings; without it the trigger's, or the configuration's."),
    ] = None


class KubernetesSection(Section):
    """The control plane and its flags."""

    version: Annotated[
        str,
        Field(pattern=VERSIONS, description="Such as `1.36`, in quotes. Before 1.33 the tolerance has another edge."),
    ] = "1.36"
    sync_period: Annotated[Length, Field(description="From one HPA sync to the next.")] = 15.0
    drift: Annotated[Time, Field(description="What a sync takes at most, which puts off the next one.")] = 0.02
    tolerance: Annotated[float, Field(ge=0, lt=1, description="By which a metric may differ from its target.")] = 0.1
    downscale_stabilization: Annotated[Time, Field(description="How long the HPA remembers a higher wish.")] = 300.0


class FunctionSection(Section):
    """One Deployment with its ScaledObject, or one ScaledJob, and what is asked of it."""

    name: Annotated[Name, Field(description="Its name; of a trace with several functions, what theirs begin with.")]
    copies: Annotated[int, Field(ge=1, le=10_000, description="So many of them, each with its own chance.")] = 1
    namespace: Annotated[
        Name | None,
        Field(description="Where it is; without it as its manifests say, and where they do not a pool of any fits."),
    ] = None
    scaled_object: Annotated[
        ScaledObjectSection | None,
        Field(description="The `spec` of its ScaledObject, a whole manifest, or the path of a file with it."),
    ] = None
    scaled_job: Annotated[ScaledJobSection | None, Field(description="The same of a ScaledJob, in its place.")] = None
    deployment: Annotated[
        dict[str, Any] | None,
        Field(description="Its Deployment, or the path of a file with it: memory and readiness are taken from there."),
    ] = None
    hpa: Annotated[
        dict[str, Any] | None,
        Field(description="The HPA of the cluster, or the path of a file with it: its behavior is taken from there."),
    ] = None
    arrivals: Annotated[ArrivalsSection | None, Field(description="When requests arrive.")] = None
    trace: Annotated[TraceSection | None, Field(description="The same, as it was recorded.")] = None
    service: Annotated[
        DurationSection | None,
        Field(description="How long a request takes; without it as the trace says, else 200ms."),
    ] = None
    pods: Annotated[PodsSection, Field(description="How long pods take to start.")] = PodsSection()
    concurrency: Annotated[int, Field(ge=1, le=100_000, description="Requests that a pod serves at once.")] = 1
    memory: Annotated[
        Memory | None, Field(description="What a pod requests; without it the Deployment's, else 256Mi.")
    ] = None
    source: Annotated[SourceSection, Field(description="How the backlog is read.")] = SourceSection()
    target: Annotated[
        float | None, Field(gt=0, description="What one replica takes, in place of what the first trigger says.")
    ] = None
    replicas: Annotated[int | None, Field(ge=0, description="How many there are at first; without it the least.")] = (
        None
    )
    pool: Annotated[PoolName | None, Field(description="The pool that keeps warm pods for it.")] = None
    claim: Annotated[Time, Field(description="From the word of it until a claimed warm pod serves.")] = 0.02

    @model_validator(mode="after")
    def _one(self) -> "FunctionSection":
        if self.scaled_object is not None and self.scaled_job is not None:
            raise ValueError("names a 'scaledObject' or a 'scaledJob', not both")
        if self.arrivals is not None and self.trace is not None:
            raise ValueError("names 'arrivals' or a 'trace', not both")
        return self


class FeedSection(Section):
    """What one function has finished arrives at another."""

    source: Annotated[Name, Field(alias="from", description="The function that finishes.")]
    sink: Annotated[Name, Field(alias="to", description="The function at which it arrives.")]
    after: Annotated[Time, Field(description="So much later.")] = 0.0


class BetweenSection(Section):
    """A time of the run."""

    begin: Annotated[Time, Field(alias="from", description="When it begins, from the run's beginning on.")]
    end: Annotated[Time, Field(alias="to", description="When it is over.")]

    @model_validator(mode="after")
    def _ordered(self) -> "BetweenSection":
        if self.begin >= self.end:
            raise ValueError("'from' must be before 'to'")
        return self


class IncidentSection(Section):
    """Something that happens to functions, beside their requests."""

    outage: Annotated[BetweenSection | None, Field(description="The source does not answer.")] = None
    scaler_down: Annotated[BetweenSection | None, Field(description="The scaler does not answer.")] = None
    pause: Annotated[BetweenSection | None, Field(description="The ScaledObject is paused by annotation.")] = None
    rollout: Annotated[Time | None, Field(description="A new version is rolled out at that time.")] = None
    functions: Annotated[
        list[str], Field(min_length=1, description="Globs of the functions that it happens to; all of them without it.")
    ] = Field(default_factory=lambda: ["*"])

    @model_validator(mode="after")
    def _one(self) -> "IncidentSection":
        if len(self.model_fields_set - {"functions"}) != 1:
            raise ValueError("names exactly one of 'outage', 'scalerDown', 'pause' and 'rollout'")
        return self


class ScenarioDocument(Section):
    """A scenario: a question, and the world in which it is answered."""

    question: Annotated[str, Field(min_length=1, description="What it answers, in a sentence.")] = "What would happen?"
    seed: Annotated[int, Field(ge=0, le=2**32 - 1, description="The first seed; the others follow it.")] = 1
    duration: Annotated[
        Length | None, Field(description="How long a run is; without it as long as the traces, and ten minutes more.")
    ] = None
    warmup: Annotated[Time, Field(description="What of it is simulated and not counted.")] = 0.0
    start: Annotated[
        float | None,
        BeforeValidator(_calendar, json_schema_input_type=str),
        Field(
            description="The time of the calendar at the beginning, for schedules: `2026-01-05T08:00:00Z`; without it "
            "that of the first trace that has one, else a Monday, 00:00 UTC."
        ),
    ] = None
    slo: Annotated[Time, Field(description="How long a request may wait.")] = 1.0
    kubernetes: Annotated[KubernetesSection, Field(description="The control plane.")] = KubernetesSection()
    functions: Annotated[list[FunctionSection], Field(min_length=1, description="What is scaled.")]
    feeds: Annotated[list[FeedSection], Field(description="What goes on from one function to another.")] = Field(
        default_factory=list
    )
    config: Annotated[
        ServiceDocument | None,
        Field(
            description="The service's configuration, or the path of one, or of a ConfigMap: its pools, its defaults."
        ),
    ] = None
    pools: Annotated[
        dict[PoolName, PoolSection], Field(description="Warm pods, as the service's configuration says them.")
    ] = Field(default_factory=dict)
    incidents: Annotated[list[IncidentSection], Field(description="What happens beside.")] = Field(default_factory=list)
    use: Annotated[
        dict[str, dict[str, float]] | None,
        BeforeValidator(_named, json_schema_input_type=str | dict[str, dict[str, float]]),
        Field(
            min_length=1,
            max_length=1,
            description="A policy of the simulator's own, `keda-poll`, or with options, `{pool-fixed: {size: 3}}`.",
        ),
    ] = None
    policies: Annotated[
        dict[str, dict[str, Any]],
        Field(description="What else is compared: by name, what differs of this document. `use` names one of ours."),
    ] = Field(default_factory=dict)


def scenario_schema() -> dict[str, object]:
    """Return the JSON Schema of the document, for an editor."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **ScenarioDocument.model_json_schema()}


def folder_of(path: Path) -> Path:
    """Return the folder that the paths in a scenario are seen from."""
    return path.resolve().parent
