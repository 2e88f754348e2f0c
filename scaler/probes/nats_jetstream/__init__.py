"""NATS JetStream: what a consumer has still to do, and being told when a message comes. A package, for length."""

from scaler.probes.nats_jetstream.probe import NatsJetStream

__all__ = ["NatsJetStream"]
