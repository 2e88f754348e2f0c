"""The probe: parameters to a question, and a cluster that is opened to answer it."""

import asyncio
from typing import ClassVar

from scaler.model import Ask, Metric
from scaler.net.tls import client_context
from scaler.probes.base import Pace, Surroundings
from scaler.probes.kafka.brokers import ApiVersion, Thread
from scaler.probes.kafka.login import Cluster
from scaler.probes.kafka.params import KafkaParams, cluster, query
from scaler.probes.kafka.source import KafkaSource
from scaler.triggers.metadata import metric_name


class Kafka:
    """Consumer groups of a Kafka cluster, or of anything that speaks its protocol (0.11 and newer).

    ``api_version`` is negotiated unless a subclass says it, which is for servers that cannot negotiate.
    """

    kind: ClassVar[str] = "kafka"
    params = KafkaParams
    pace = Pace(timeout=5.0, uncovered=0.25)
    api_version: ClassVar[ApiVersion | None] = None

    def ask(self, params: KafkaParams) -> Ask:
        """Ask how far one group is behind."""
        named = (params.topic,) if params.topic else (params.consumer_group, "topics")
        return Ask(
            source=cluster(params),
            query=query(params),
            metric=Metric(name=metric_name("kafka", *named), target=params.lag_threshold),
            activation=params.activation_lag_threshold,
        )

    async def open(self, source: Cluster, surroundings: Surroundings) -> KafkaSource:
        """Start the thread and find the brokers."""
        tls = await asyncio.to_thread(client_context, source.tls) if source.tls is not None else None
        thread = Thread(source, surroundings.egress, tls, self.api_version)
        try:
            opened = KafkaSource(thread, await thread.brokers(), surroundings.clock)
            await opened.start()
        except BaseException:
            await thread.close()
            raise
        return opened
