"""Kafka as Apache ships it, in KRaft mode: one broker, or three that share one quorum."""

import base64
import subprocess
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kafka.errors import KafkaError

from tests.servers import kafka_jars
from tests.servers.certificates import Certificates, issue, pkcs8
from tests.servers.kafka_desk import Desk
from tests.servers.ports import accepts, free_port
from tests.servers.process import HOST, Cluster, Server

# Small and quick: what takes a second or three in production takes none here.
_COMMON = {
    "process.roles": "broker,controller",
    "inter.broker.listener.name": "INTERNAL",
    "controller.listener.names": "CONTROLLER",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.num.partitions": "2",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "2",
    "share.coordinator.state.topic.min.isr": "1",
    "group.initial.rebalance.delay.ms": "0",
    "auto.create.topics.enable": "false",
    "num.network.threads": "2",
    "num.io.threads": "4",
    # A dead broker's partitions and groups move after two seconds instead of nine.
    "broker.session.timeout.ms": "2000",
    "broker.heartbeat.interval.ms": "500",
    "log.cleaner.enable": "false",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Quorum:
    """What the brokers of one cluster agree on: its id and where each node's controller listens."""

    controllers: Mapping[int, int]
    id: str = field(default_factory=lambda: base64.urlsafe_b64encode(b"k" + uuid.uuid4().bytes[1:]).decode()[:22])

    @property
    def replicas(self) -> int:
        """How many copies the cluster keeps of its own topics."""
        return len(self.controllers)


class Kafka(Server):
    """One broker. Records and committed offsets survive a kill.

    Clients dial ``address``. ``advertise`` is the port that the broker names in its metadata instead of its own: that
    of a proxy in front of it. ``direct`` is a second listener, without TLS, password or proxy, for what a test itself
    does.
    ``users`` (name to password) turns ``address`` into SASL_SSL with PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512.
    """

    start_within = 60.0

    def __init__(  # noqa: PLR0913 (every option is a keyword)
        self,
        home: Path,
        *,
        node: int = 1,
        quorum: Quorum | None = None,
        advertise: int | None = None,
        users: Mapping[str, str] | None = None,
        properties: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(home)
        self.node = node
        self.quorum = quorum or Quorum(controllers={node: free_port()})
        self.advertise = advertise
        self.direct_port = free_port()
        self.users = dict(users or {})
        self.certificates: Certificates | None = issue(home / "tls") if users else None
        self.properties = dict(properties or {})

    @property
    def direct(self) -> str:
        """``host:port`` of the plain listener that no proxy stands in front of."""
        return f"{HOST}:{self.direct_port}"

    def command(self) -> Sequence[str]:
        """Write server.properties, format the storage if it is new, and return the command line."""
        path = self.home / "server.properties"
        lines = {**_COMMON, **self._own(), **self._listeners(), **self._security(), **self.properties}
        path.write_text("".join(f"{key}={value}\n" for key, value in lines.items()))
        if not (self.data / "meta.properties").exists():
            self._format(path)
        return [*_java("-Xmx256m"), "kafka.Kafka", str(path)]

    def _own(self) -> dict[str, str]:
        copies = str(self.quorum.replicas)
        return {
            "node.id": str(self.node),
            "log.dirs": str(self.data),
            "controller.quorum.voters": ",".join(f"{n}@{HOST}:{port}" for n, port in self.quorum.controllers.items()),
            "offsets.topic.replication.factor": copies,
            "transaction.state.log.replication.factor": copies,
            "share.coordinator.state.topic.replication.factor": copies,
        }

    def _listeners(self) -> dict[str, str]:
        internal = f"INTERNAL://{self.direct}"
        return {
            "listeners": (
                f"CLIENT://{self.address},{internal},CONTROLLER://{HOST}:{self.quorum.controllers[self.node]}"
            ),
            "advertised.listeners": f"CLIENT://{HOST}:{self.advertise or self.port},{internal}",
            "listener.security.protocol.map": (
                f"CLIENT:{'SASL_SSL' if self.users else 'PLAINTEXT'},INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT"
            ),
        }

    def _security(self) -> dict[str, str]:
        if self.certificates is None:
            return {}
        key = self.home / "tls" / "server.jks.pem"
        key.write_bytes(pkcs8(self.certificates.server_key) + self.certificates.server.read_bytes())
        known = " ".join(f'user_{name}="{password}"' for name, password in self.users.items())
        scram = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
        prefix = "listener.name.client."
        return {
            "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
            f"{prefix}plain.sasl.jaas.config": (
                f"org.apache.kafka.common.security.plain.PlainLoginModule required {known};"
            ),
            f"{prefix}scram-sha-256.sasl.jaas.config": scram,
            f"{prefix}scram-sha-512.sasl.jaas.config": scram,
            f"{prefix}ssl.keystore.type": "PEM",
            f"{prefix}ssl.keystore.location": str(key),
            f"{prefix}ssl.truststore.type": "PEM",
            f"{prefix}ssl.truststore.location": str(self.certificates.ca),
            f"{prefix}ssl.client.auth": "requested",
        }

    def _format(self, properties: Path) -> None:
        scram = [
            f"--add-scram={mechanism}=[name={name},password={password}]"
            for name, password in self.users.items()
            for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512")
        ]
        tool = [*_java("-Xmx64m"), "kafka.tools.StorageTool", "format"]
        with self.log.open("ab") as out:
            subprocess.run(
                [*tool, "-t", self.quorum.id, "-c", str(properties), *scram],
                check=True,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                cwd=self.home,
                timeout=60,
            )

    def answers(self) -> bool:
        """Tell whether the cluster knows this broker as alive."""
        return accepts(self.port) and accepts(self.direct_port) and self.node in self._alive()

    def _alive(self) -> set[int]:
        try:
            with self.desk() as desk:
                return desk.brokers()
        except KafkaError:
            return set()

    def desk(self) -> Desk:
        """Return what a test needs to arrange topics, records and groups; a context manager."""
        return Desk(self.direct)


class KafkaCluster(Cluster):
    """Three brokers that can be killed, paused and started one by one; the cluster's own topics have three copies.

    ``advertise`` lists the ports that the brokers name instead of their own, in the brokers' order. ``stop`` ends them
    by force: a quorum that leaves politely one by one waits for those already gone.
    """

    def __init__(self, home: Path, *, size: int = 3, advertise: Sequence[int] = ()) -> None:
        quorum = Quorum(controllers={node: free_port() for node in range(1, size + 1)})
        ports = [*advertise, *[None] * size]
        self.brokers = {
            node: Kafka(home / f"kafka-{node}", node=node, quorum=quorum, advertise=ports[node - 1])
            for node in quorum.controllers
        }
        super().__init__(tuple(self.brokers.values()))

    def stop(self) -> None:
        """End all."""
        self.kill()

    def desk(self) -> Desk:
        """Return what a test needs, by the brokers that run now; a context manager."""
        return Desk(*(broker.direct for broker in self.brokers.values() if broker.running))

    def leader(self, topic: str, partition: int = 0) -> Kafka | None:
        """Return the broker that leads the partition now; nothing while the cluster rearranges itself."""
        return self._ask(lambda desk: desk.leader(topic, partition))

    def coordinator(self, group: str) -> Kafka | None:
        """Return the broker that keeps the group's offsets now, if any; asking creates the offsets topic."""
        return self._ask(lambda desk: desk.coordinator(group))

    def _ask(self, question: Callable[[Desk], int]) -> Kafka | None:
        try:
            with self.desk() as desk:
                return self.brokers.get(question(desk))
        except (KafkaError, LookupError):  # a broker that just came back may not know the topic yet
            return None


def _java(memory: str) -> list[str]:
    return [
        kafka_jars.java(),
        memory,
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
        "-Dorg.slf4j.simpleLogger.showDateTime=true",
        "-cp",
        kafka_jars.classpath(),
    ]
