"""The probe: parameters to a question, and a source that answers it through the API or the monitoring pages."""

import asyncio
import random
import ssl
from collections.abc import Collection, Mapping
from typing import ClassVar, Final, NoReturn, assert_never

from scaler.errors import Cause, SourceUnavailable
from scaler.model import Ask, Metric
from scaler.net.egress import Egress
from scaler.net.http import Web
from scaler.net.tls import client_context
from scaler.probes.base import Found, Pace, Source, Surroundings, Unwatchable, Watching
from scaler.probes.nats_jetstream.answers import amount
from scaler.probes.nats_jetstream.api import Api
from scaler.probes.nats_jetstream.connection import Connection
from scaler.probes.nats_jetstream.monitoring import MonitoringSource
from scaler.probes.nats_jetstream.params import NatsJetStreamParams
from scaler.probes.nats_jetstream.push import Push
from scaler.probes.nats_jetstream.records import JETSTREAM_API, Consumer, Monitoring, Servers
from scaler.probes.nats_jetstream.subjects import Reach, audible, reach
from scaler.triggers.metadata import metric_name

DIAL_PATIENCE: Final = 2.0  # s for one server
DIAL_BUDGET: Final = 3.0  # s for all of them
PING_PATIENCE: Final = 0.4  # s
OWN_SUBJECTS: Final = ("_INBOX.>", f"{JETSTREAM_API}.>")
_NO_ANSWER: Final = frozenset({Cause.TIMEOUT, Cause.UNREACHABLE})


class ApiSource:
    """Servers that share one JetStream, and a connection to one of them, made anew when it is lost."""

    def __init__(self, servers: Servers, egress: Egress, context: ssl.SSLContext) -> None:
        self._servers = servers
        self._egress = egress
        self._context = context
        self._api = Api(servers.api)
        self._connection: Connection | None = None
        self._dialling = asyncio.Lock()

    async def connected(self) -> Connection:
        """Return the open connection, after dialling if there is none; reads and the watch share it."""
        async with self._dialling:
            if self._connection is None or self._connection.lost.done():
                await self.close()
                self._connection = await self._dial()
            return self._connection

    async def read(self, queries: Collection[Consumer]) -> Mapping[Consumer, Found]:
        """Ask the API; a silence of everybody is looked into."""
        connection = await self.connected()
        answers = await self._api.consumers(connection, queries)
        found = {query: amount(query, answers[query]) for query in queries}
        if failure := _common_failure(found.values()):
            if failure.cause is Cause.TIMEOUT:
                await connection.round_trip(PING_PATIENCE)
            raise failure
        return found

    async def watch(self, watching: Watching[Consumer]) -> NoReturn:
        """Subscribe to the subjects of the wanted consumers."""
        connection = await self.connected()
        try:
            await Push(connection, watching, self._explore).run()
        except SourceUnavailable as error:
            if "maximum subscriptions" in error.detail:  # then the server cuts the connection, and readings with it
                raise Unwatchable(error.detail) from error
            raise

    async def close(self) -> None:
        """Close the connection, if there is one."""
        if self._connection is not None:
            await self._connection.close()

    async def _dial(self) -> Connection:
        """Connect to the first server that lets us, in an order of chance; raise what the last one said."""
        addresses = random.sample(self._servers.addresses, len(self._servers.addresses))
        patience = min(DIAL_PATIENCE, DIAL_BUDGET / len(addresses))
        failure = SourceUnavailable(Cause.UNREACHABLE, "no server is named")
        for address in addresses:
            connection = Connection(self._egress, secure=self._servers.secure)
            try:
                await connection.start(address, self._servers, self._context, patience)
            except SourceUnavailable as error:
                failure = error
            else:
                return connection
        raise failure

    async def _explore(self, consumers: Collection[Consumer]) -> Mapping[Consumer, Reach]:
        """Find the subjects of consumers; behind a prefix of its own, JetStream may hear what we do not."""
        connection = await self.connected()
        streams = await self._api.streams(connection, sorted({each.stream for each in consumers}))
        found = await self._api.consumers(connection, consumers)
        reaches: dict[Consumer, Reach] = {}
        for each in consumers:
            stream, consumer = streams[each.stream], found[each]
            if not (isinstance(stream, SourceUnavailable) or isinstance(consumer, SourceUnavailable)):
                heard = audible(reach(stream, consumer), (*OWN_SUBJECTS, f"{self._servers.api}.>"))
                reaches[each] = Reach(heard.subjects, whole=heard.whole and self._servers.api == JETSTREAM_API)
        return reaches


def _common_failure(found: Collection[Found]) -> SourceUnavailable | None:
    """Return the failure that says that this server has no JetStream to offer now; perhaps another one has."""
    failures = [each for each in found if isinstance(each, SourceUnavailable) and each.cause in _NO_ANSWER]
    return failures[0] if failures and len(failures) == len(found) else None


class NatsJetStream:
    """Consumers of NATS JetStream."""

    kind: ClassVar[str] = "nats-jetstream"
    params = NatsJetStreamParams
    pace = Pace(timeout=3.5, uncovered=0.25)

    def ask(self, params: NatsJetStreamParams) -> Ask:
        """Ask what one consumer has still to do."""
        return Ask(
            source=params.source(),
            query=params.query(),
            metric=Metric(name=metric_name("nats-jetstream", params.stream), target=params.lag_threshold),
            activation=params.activation_lag_threshold,
        )

    async def open(self, source: Monitoring | Servers, surroundings: Surroundings) -> Source[Consumer]:
        """Connect to a server, or prepare to ask the monitoring endpoint."""
        context = await asyncio.to_thread(client_context, source.tls)
        match source:
            case Monitoring():
                return MonitoringSource(source, Web(surroundings.egress, context))
            case Servers():
                opened = ApiSource(source, surroundings.egress, context)
                await opened.connected()
                return opened
            case _:
                assert_never(source)
