"""Every metric in one table. Labels have small fixed vocabularies; names of tenants only where said."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from scaler.model import Why
from scaler.observe.tally import Tallies

REGISTRY: Final = CollectorRegistry()
_READ_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_START_BUCKETS: Final = (0.5, 1, 2, 4, 8, 15, 30, 60, 120, 300, 600)
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
_FUNCTION: Final = ["pool", "namespace", "function"]
POOL_PODS: Final = Gauge(
    "warmscaler_pool_pods", "Pods of a function's pool, by stage.", [*_FUNCTION, "stage"], registry=REGISTRY
)
POOL_TARGET: Final = Gauge(
    "warmscaler_pool_target", "Warm pods that a function is to have.", _FUNCTION, registry=REGISTRY
)
POOL_OVER_TARGET: Final = Gauge(
    "warmscaler_pool_over_target",
    "Warm pods above target and surge, which should never be.",
    _FUNCTION,
    registry=REGISTRY,
)
POOL_CLAIMS: Final = Counter(
    "warmscaler_pool_claims_total",
    "Replicas that were wanted at once: warm were claimed, cold found no warm pod.",
    [*_FUNCTION, "result"],
    registry=REGISTRY,
)
POOL_MISSES: Final = Counter(
    "warmscaler_pool_misses_total",
    "Replicas that found no warm pod, by reason (empty, warming, outdated, held, or refused by the API).",
    ["reason"],
    registry=REGISTRY,
)
for _reason in ("empty", "warming", "outdated", "held", "refused"):
    POOL_MISSES.labels(_reason)
POOL_DECIDED_SECONDS: Final = Histogram(
    "warmscaler_pool_claim_delay_seconds",
    "Time from the scaler's word to the claim's call.",
    buckets=_RPC_BUCKETS,
    registry=REGISTRY,
)
POOL_CLAIM_SECONDS: Final = Histogram(
    "warmscaler_pool_claim_duration_seconds",
    "How long the call of a claim took.",
    buckets=_RPC_BUCKETS,
    registry=REGISTRY,
)
POOL_STEPS: Final = Counter(
    "warmscaler_pool_handoff_steps_total",
    "Steps of hand-offs that were done, by step, and those that came to nothing.",
    ["step", "outcome"],
    registry=REGISTRY,
)
POOL_LOST: Final = Counter(
    "warmscaler_pool_handoffs_lost_total",
    "Pods that their ReplicaSet deleted instead of keeping them.",
    registry=REGISTRY,
)
POOL_AVOIDED: Final = Counter(
    "warmscaler_pool_cold_starts_avoided_total",
    "Warm pods that are replicas of their function now, so that a cold one need not start.",
    _FUNCTION,
    registry=REGISTRY,
)
POOL_CREATES: Final = Counter(
    "warmscaler_pool_creates_total", "Warm pods asked for, by outcome.", ["outcome"], registry=REGISTRY
)
POOL_WARM_UP_SECONDS: Final = Histogram(
    "warmscaler_pool_warmup_duration_seconds",
    "Time from a warm pod's creation until it was available.",
    buckets=_START_BUCKETS,
    registry=REGISTRY,
)
POOL_LEAD_SECONDS: Final = Histogram(
    "warmscaler_pool_lead_time_seconds",
    "Time from a claim until the pod that replaces it was available.",
    buckets=_START_BUCKETS,
    registry=REGISTRY,
)
POOL_IDLE_SECONDS: Final = Counter(
    "warmscaler_pool_idle_pod_seconds_total", "Time that warm pods waited, all together.", _FUNCTION, registry=REGISTRY
)
POOL_IDLE_BYTES: Final = Counter(
    "warmscaler_pool_idle_byte_seconds_total",
    "Memory that waiting warm pods request, times the time.",
    _FUNCTION,
    registry=REGISTRY,
)
POOL_BREAKER: Final = Gauge(
    "warmscaler_pool_circuit_open",
    "Whether creation is slowed down since warm pods do not start.",
    _FUNCTION,
    registry=REGISTRY,
)
POOL_DNS_CACHED: Final = Gauge(
    "warmscaler_pool_dns_cached_seconds",
    "For how long the cluster's DNS may hide a claimed pod of a headless Service.",
    registry=REGISTRY,
)
RECORDED: Final = Counter("warmscaler_recorded_lines_total", "Lines written to the recording.", registry=REGISTRY)
RECORD_LOST: Final = Counter(
    "warmscaler_record_lost_lines_total",
    "Lines that are missing in the recording, by reason (disk, or queue: the disk is too slow).",
    ["reason"],
    registry=REGISTRY,
)
for _reason in ("disk", "queue"):
    RECORD_LOST.labels(_reason)
LOOP_LAG: Final = Gauge(
    "warmscaler_event_loop_lag_seconds", "How late the event loop ran its last heartbeat.", registry=REGISTRY
)
