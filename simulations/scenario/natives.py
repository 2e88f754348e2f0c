"""KEDA's own triggers of kinds that Warmscaler has no probe for: where their target stands (KEDA 2.21's schema).

KEDA asks these itself, at each poll and each sync of the HPA; nothing pushes. All other keys say how the source is
reached, which no simulation needs.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from scaler.triggers.values import number


@dataclass(frozen=True, slots=True, kw_only=True)
class Native:
    """The keys of target and activation threshold, and the target that holds where none is said."""

    target: tuple[str, ...]
    activation: str
    usual: float | None = None


NATIVES: Final[Mapping[str, Native]] = {
    "activemq": Native(target=("targetQueueSize",), activation="activationTargetQueueSize", usual=10),
    "apache-kafka": Native(target=("lagThreshold",), activation="activationLagThreshold", usual=10),
    "artemis-queue": Native(target=("queueLength",), activation="activationQueueLength", usual=10),
    "aws-sqs-queue": Native(target=("queueLength",), activation="activationQueueLength", usual=5),
    "azure-eventhub": Native(
        target=("unprocessedEventThreshold",), activation="activationUnprocessedEventThreshold", usual=64
    ),
    "azure-queue": Native(target=("queueLength",), activation="activationQueueLength", usual=5),
    "azure-servicebus": Native(target=("messageCount",), activation="activationMessageCount", usual=5),
    "beanstalkd": Native(target=("value",), activation="activationValue"),
    "gcp-pubsub": Native(target=("value", "subscriptionSize"), activation="activationValue", usual=10),
    "liiklus": Native(target=("lagThreshold",), activation="activationLagThreshold", usual=10),
    "metrics-api": Native(target=("targetValue",), activation="activationTargetValue"),
    "mysql": Native(target=("queryValue",), activation="activationQueryValue"),
    "postgresql": Native(target=("targetQueryValue",), activation="activationTargetQueryValue"),
    "prometheus": Native(target=("threshold",), activation="activationThreshold"),
    "pulsar": Native(target=("msgBacklogThreshold",), activation="activationMsgBacklogThreshold", usual=10),
    "rabbitmq": Native(target=("value", "queueLength"), activation="activationValue"),
    "redis-streams": Native(
        target=("lagCount", "pendingEntriesCount", "streamLength"), activation="activationLagCount", usual=5
    ),
    "solace-event-queue": Native(target=("messageCountTarget",), activation="activationMessageCountTarget"),
    "temporal": Native(target=("targetQueueSize",), activation="activationTargetQueueSize", usual=5),
}


_QUERIES: Final = frozenset({"metrics-api", "mysql", "postgresql", "prometheus"})
"""Kinds that measure whatever they are asked for."""


def is_rate(kind: str, metadata: Mapping[str, object]) -> bool:
    """Tell whether a trigger measures what need not be a backlog."""
    return kind in _QUERIES or (kind == "rabbitmq" and metadata.get("mode") == "MessageRate")


def target_and_activation(kind: str, metadata: Mapping[str, str]) -> tuple[float, float]:
    """Return what one replica takes, and more than what is active.

    Raises ``ValueError`` with what is wrong.
    """
    native = NATIVES[kind]
    said = [key for key in native.target if metadata.get(key, "").strip()]
    if not said and native.usual is None:
        raise ValueError(f"'{native.target[0]}' is required for type {kind}: what one replica takes")
    target = _read(metadata, said[0]) if said else float(native.usual or 0)
    if target <= 0:
        raise ValueError(f"'{said[0]}' must be above 0")
    return target, _read(metadata, native.activation) if native.activation in metadata else 0.0


def _read(metadata: Mapping[str, str], key: str) -> float:
    try:
        return number(metadata[key].strip())
    except ValueError as error:
        raise ValueError(f"'{key}': {metadata[key][:60]!r} {error}") from error
