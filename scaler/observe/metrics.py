"""Every metric in one table. Labels have small fixed vocabularies; names of tenants only where said."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from scaler.model import Why
from scaler.observe.tally import Tallies

REGISTRY: Final = CollectorRegistry()
_READ_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_RPC_BUCKETS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2)

READS: Final = Counter(
    "warmscaler_probe_reads_total",
    "Answers to queries, by kind and outcome (ok, or the cause of the outage).",
    ["kind", "outcome"],
    registry=REGISTRY,
)
READ_SECONDS: Final = Histogram(
    "warmscaler_probe_read_duration_seconds",
    "How long a batch took to read.",
    ["kind"],
    buckets=_READ_BUCKETS,
    registry=REGISTRY,
)
BATCH: Final = Histogram(
    "warmscaler_probe_batch_queries",
    "How many queries one batch answered.",
    ["kind"],
    buckets=(1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500),
    registry=REGISTRY,
)
HINTS: Final = Counter(
    "warmscaler_probe_hints_total", "Pushes from sources, each a reason to read now.", ["kind"], registry=REGISTRY
)
SOURCES: Final = Gauge("warmscaler_sources", "Sources with a task of their own.", ["kind"], registry=REGISTRY)
OPENS: Final = Counter(
    "warmscaler_source_opens_total", "Attempts to connect to a source.", ["kind", "outcome"], registry=REGISTRY
)
DECISIONS: Final = Counter(
    "warmscaler_decisions_total", "Changes of a decision, by its reason.", ["why"], registry=REGISTRY
)
for _why in Why:
    DECISIONS.labels(_why.name.lower())
TRIGGERS: Final = Gauge(
    "warmscaler_triggers", "Live triggers, by what their decision is worth.", ["state"], registry=REGISTRY
)
FORGOTTEN: Final = Counter(
    "warmscaler_triggers_forgotten_total", "Triggers dropped because nobody asked for them.", registry=REGISTRY
)
REJECTED: Final = Counter(
    "warmscaler_triggers_rejected_total",
    "Triggers refused, at each call again, by reason (limit, metadata).",
    ["reason"],
    registry=REGISTRY,
)
for _reason in ("limit", "metadata"):
    REJECTED.labels(_reason)
REFUSED: Final = Counter(
    "warmscaler_grpc_refused_total",
    "Calls and streams that ended with an error.",
    ["method", "code"],
    registry=REGISTRY,
)
RPC_SECONDS: Final = Tallies(
    "warmscaler_grpc_duration_seconds", "How long a finished call or stream took.", "method", _RPC_BUCKETS
)
REGISTRY.register(RPC_SECONDS)
STREAMS: Final = Gauge("warmscaler_grpc_streams", "Streams open now.", ["method"], registry=REGISTRY)
PUSHES: Final = Counter("warmscaler_pushes_total", "Messages `true` sent to KEDA.", ["reason"], registry=REGISTRY)
CERTIFICATES: Final = Counter(
    "warmscaler_certificate_reloads_total", "Reloads of our own certificate.", ["outcome"], registry=REGISTRY
)
CONFIG_GOOD: Final = Gauge(
    "warmscaler_config_last_reload_successful",
    "Whether the newest configuration is the one in force, 1 or 0.",
    registry=REGISTRY,
)
CONFIG_GOOD_AT: Final = Gauge(
    "warmscaler_config_last_reload_success_timestamp_seconds",
    "When the configuration in force was loaded, in Unix time.",
    registry=REGISTRY,
)
CONFIG_REJECTED: Final = Counter(
    "warmscaler_config_rejected_total",
    "New configurations that were not put in force, by reason (unreadable, invalid).",
    ["reason"],
    registry=REGISTRY,
)
for _reason in ("unreadable", "invalid"):
    CONFIG_REJECTED.labels(_reason)
WATCH_RESTARTS: Final = Counter(
    "warmscaler_watch_restarts_total",
    "Watches of the Kubernetes API that did not end as they should, by reason (410, eof, timeout, error).",
    ["reason"],
    registry=REGISTRY,
)
for _reason in ("410", "eof", "timeout", "error"):
    WATCH_RESTARTS.labels(_reason)
LEADER: Final = Gauge("warmscaler_leader", "Whether this process leads and may write, 1 or 0.", registry=REGISTRY)
LEADER_CHANGES: Final = Counter(
    "warmscaler_leader_changes_total",
    "Times that this process gained leadership, lost it, or gave it away.",
    ["change"],
    registry=REGISTRY,
)
for _change in ("gained", "lost", "released"):
    LEADER_CHANGES.labels(_change)
LOOP_LAG: Final = Gauge(
    "warmscaler_event_loop_lag_seconds", "How late the event loop ran its last heartbeat.", registry=REGISTRY
)
