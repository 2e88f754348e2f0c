"""Kafka: how far a consumer group is behind, and being told when records arrive. A package, for it is long."""

from scaler.probes.kafka.probe import Kafka

__all__ = ["Kafka"]
