"""Reading consumers from the monitoring pages, as the native scaler does (keda 2.21, nats_jetstream_scaler.go).

One ``/jsz`` answers for every consumer of the account. In a cluster only a consumer's leader knows its numbers, so
there it is one a leader; who leads what and where it listens is found by a walk over the nodes, and remembered.
Two things are better than natively: nodes that are down do not stop the walk, and nothing vanished is remembered.
"""

import asyncio
from collections.abc import Collection, Coroutine, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, NoReturn, TypeVar
from urllib.parse import quote, urlsplit

from scaler.errors import Cause, SourceUnavailable
from scaler.net.egress import split_host_port
from scaler.net.http import Web
from scaler.probes.base import Found, Unwatchable, Watching
from scaler.probes.nats_jetstream.answers import Document, amount, count, documents, is_document, leader, text, texts
from scaler.probes.nats_jetstream.records import Address, Consumer, Monitoring

T = TypeVar("T")

HOME_PATIENCE: Final = 2.5  # s, for the endpoint itself
NODE_PATIENCE: Final = 1.0  # s, for a node of its cluster: a dead one must leave time for the walk
MAX_NODES: Final = 64  # more are not walked to
UNCOVERED: Final = 1.0  # s between two reads of quiet consumers: a page tells of all consumers of the account


@dataclass(frozen=True, slots=True)
class Node:
    """One server of a cluster. ``server_id`` is another one after each restart."""

    name: str
    base: str
    server_id: str


@dataclass(frozen=True, slots=True)
class Page:
    """What one node says of the account's consumers; only of those that it leads is it right."""

    node: Node
    details: Mapping[Consumer, Document]


class MonitoringSource:
    """An open source; it holds kept-alive HTTP connections and who was last seen to lead which consumer."""

    def __init__(self, place: Monitoring, web: Web) -> None:
        self._place = place
        self._web = web
        self._query = f"acc={quote(place.account_id, safe='')}&consumers=true&config=true&accounts=true"
        self._leaders: dict[Consumer, Node] = {}

    async def read(self, queries: Collection[Consumer]) -> Mapping[Consumer, Found]:
        """Ask the leaders that are known; for the rest, the endpoint, and if that is a cluster, its nodes."""
        found = await self._ask_leaders(queries)
        if rest := [query for query in queries if query not in found]:
            found |= await self._ask_home(rest)
        return found

    async def watch(self, watching: Watching[Consumer]) -> NoReturn:
        """Give up: these pages tell nothing by themselves."""
        del watching
        raise Unwatchable("the monitoring endpoint does not push; give natsServerURL too", uncovered=UNCOVERED)

    async def close(self) -> None:
        """Close the connections."""
        await self._web.close()

    async def _ask_leaders(self, queries: Collection[Consumer]) -> dict[Consumer, Found]:
        """Answer the queries whose remembered leader still leads."""
        led = {query: self._leaders[query] for query in queries if query in self._leaders}
        return self._led(await _together(self._page(node) for node in set(led.values())), led)

    async def _ask_home(self, queries: Collection[Consumer]) -> dict[Consumer, Found]:
        page = await self._jsz(self._place.base, HOME_PATIENCE)
        meta = page.get("meta_cluster")
        if is_document(meta) and count(meta, "cluster_size") > 1:
            return await self._walk(queries)
        if page.get("disabled"):
            raise SourceUnavailable(Cause.UNREACHABLE, "JetStream is off on this server")
        details = self._details(page)
        return {query: self._found(query, details) for query in queries}

    def _found(self, query: Consumer, details: Mapping[Consumer, Document]) -> Found:
        return amount(query, details[query]) if query in details else _missing(query)

    async def _walk(self, queries: Collection[Consumer]) -> dict[Consumer, Found]:
        """Ask every node, and believe each of what it leads."""
        nodes, whole = await self._nodes()
        pages = await _together(map(self._page, nodes))
        found = self._led(pages, queries)
        whole = whole and None not in pages
        for query in queries:
            if query not in found:
                self._leaders.pop(query, None)
                found[query] = self._lost(query, pages, whole=whole)
        return found

    def _led(self, pages: Iterable[Page | None], queries: Collection[Consumer]) -> dict[Consumer, Found]:
        """Answer what the nodes of ``pages`` lead, and remember that they do."""
        found: dict[Consumer, Found] = {}
        for page in filter(None, pages):
            for query in queries:
                if query in page.details and leader(page.details[query]) == page.node.name:
                    self._leaders[query] = page.node
                    found[query] = amount(query, page.details[query])
        return found

    def _lost(self, query: Consumer, pages: Iterable[Page | None], *, whole: bool) -> SourceUnavailable:
        """Say why no node answered for ``query``; that it does not exist takes a ``whole`` cluster's word."""
        seen = [leader(page.details[query]) for page in pages if page is not None and query in page.details]
        if any(seen):
            return SourceUnavailable(Cause.UNREACHABLE, f"{max(seen)}, which leads {query}, does not answer")
        if seen:
            return SourceUnavailable(Cause.UNREACHABLE, f"{query} has no leader now")
        if whole:
            return _missing(query)
        return SourceUnavailable(Cause.UNREACHABLE, f"no node that answers knows {query}")

    async def _page(self, node: Node) -> Page | None:
        """Read a node's page; ``None`` if it does not answer, or if another server does by now."""
        try:
            page = await self._jsz(node.base, NODE_PATIENCE)
        except SourceUnavailable:
            return None
        return Page(node, self._details(page)) if page.get("server_id") == node.server_id else None

    async def _nodes(self) -> tuple[Collection[Node], bool]:
        """Find the nodes that answer, and tell whether those are all."""
        home = await self._document(f"{self._place.base}/varz", HOME_PATIENCE)
        bases = list(dict.fromkeys([self._place.base, *self._bases(home)]))
        found = await _together(map(self._node, bases[:MAX_NODES]))
        # The endpoint comes first and gives way to a node's own address: it may stand for another node next time.
        return {node.server_id: node for node in found if node is not None}.values(), None not in found

    async def _node(self, base: str) -> Node | None:
        try:
            page = await self._document(f"{base}/varz", NODE_PATIENCE)
        except SourceUnavailable:
            return None
        return Node(text(page, "server_name"), base, text(page, "server_id"))

    def _bases(self, home: Document) -> Iterator[str]:
        """Yield where each node's pages should be: by the addresses advertised to clients, else by the nodes' names.

        Port and path are the endpoint's.
        """
        endpoint = urlsplit(self._place.base)
        if advertised := texts(home, "connect_urls"):
            hosts: Iterable[str] = (_host(url) for url in advertised)
        else:
            cluster = home.get("cluster")
            peers = texts(cluster, "urls") if is_document(cluster) else ()
            names = (name.partition(".")[0] for name in (text(home, "server_name"), *peers))
            hosts = (f"{name}.{endpoint.hostname}" for name in names if name)
        for host in dict.fromkeys(hosts):
            where = str(Address(host, endpoint.port)) if endpoint.port else host
            yield f"{endpoint.scheme}://{where}{endpoint.path}"

    def _details(self, page: Document) -> dict[Consumer, Document]:
        """Index a page's consumers of the wanted account."""
        return {
            Consumer(text(stream, "name"), text(consumer, "name")): consumer
            for account in documents(page, "account_details")
            if account.get("id") == self._place.account_id or account.get("name") == (self._place.account or None)
            for stream in documents(account, "stream_detail")
            for consumer in documents(stream, "consumer_detail")
        }

    async def _jsz(self, base: str, patience: float) -> Document:
        return await self._document(f"{base}/jsz?{self._query}", patience)

    async def _document(self, url: str, patience: float) -> Document:
        said = await self._web.get_json(url, patience=patience)
        if is_document(said):
            return said
        raise SourceUnavailable(Cause.INVALID, "the answer is not a JSON object")


async def _together(doing: Iterable[Coroutine[None, None, T]]) -> list[T]:
    """Do several things at once, none of which fails, and return their results in order."""
    async with asyncio.TaskGroup() as tasks:
        begun = [tasks.create_task(each) for each in doing]
    return [each.result() for each in begun]


def _host(address: str) -> str:
    """Take the host of ``host:port``."""
    try:
        return split_host_port(address)[0]
    except ValueError:
        return address


def _missing(query: Consumer) -> SourceUnavailable:
    return SourceUnavailable(Cause.MISSING, f"there is no {query} in the account")
