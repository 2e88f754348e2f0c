"""A copy of all objects of one kind in one namespace that match a selector, kept up to date by a list and watches.

What is told twice, too late, in the wrong order or from an old cache changes nothing: of two states of an object the
one with the greater resourceVersion counts. That these are numbers which grow is promised since Kubernetes 1.35
(KEP-5504) and was true of etcd before. A store that was set back to a backup breaks it, and needs a new process.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, field
from typing import Final, Generic, NamedTuple, NoReturn, TypeVar

from structlog import get_logger

from scaler.errors import ApiRefused, ApiUnreachable, ScalerError
from scaler.net.kube import Document, Kube, Resource, understood, well_formed
from scaler.net.watch import outdated, pursue

log = get_logger(__name__)

T = TypeVar("T")

PAGE: Final = 500  # objects of one answer to a list
PAGE_PATIENCE: Final = 15.0  # s for one
ENDS: Final = 10_000  # deletions that are remembered, so that what is told too late does not undo them
TOLD: Final = 32  # reasons why an object cannot be read that are logged, once each

_FOR_EVER: Final = float("inf")


class _State(NamedTuple):
    name: str
    uid: str
    version: int


class _Ends:
    """Since which version something is gone; of :data:`ENDS` names or uids, the latest."""

    __slots__ = ("_since",)

    def __init__(self) -> None:
        self._since: dict[str, float] = {}

    def __getitem__(self, key: str) -> float:
        return self._since.get(key, 0.0)

    def note(self, key: str, version: float) -> None:
        """Note an end, unless a later one is known."""
        self._since[key] = max(version, self._since.pop(key, 0.0))
        if len(self._since) > ENDS:
            del self._since[next(iter(self._since))]


@dataclass(eq=False)
class Mirror(Generic[T]):
    """Keeps what ``read`` returns of each object, and nothing else of it; ``objects`` is by name.

    ``on_change(name, before, after)`` is called for each object that is new (``before`` is ``None``), another, or gone
    (``after`` is ``None``), in the order in which the API did it, as far as it told. An object that ``read`` cannot
    read is none, and logged. Everything is ``synced`` once a list was complete; ``problem`` says why nothing is heard
    now, and is empty otherwise. Every ``relist_every`` seconds there is a list, too, for what a watch has lost.
    """

    kube: Kube
    resource: Resource
    namespace: str
    read: Callable[[Document], T]
    on_change: Callable[[str, T | None, T | None], None]
    selector: str = field(default="", kw_only=True)
    relist_every: float = field(default=300.0, kw_only=True)

    def __post_init__(self) -> None:
        self._path = self.resource.path(self.namespace)
        self._only = {"labelSelector": self.selector} if self.selector else {}
        self._objects: dict[str, T] = {}
        self._states: dict[str, _State] = {}
        self._ends = _Ends()  # of names: nothing as old counts any more
        self._dead = _Ends()  # of uids that never come back
        self._told: set[str] = set()
        self.synced = False
        self.problem = "not listed yet"

    @property
    def objects(self) -> Mapping[str, T]:
        """What is known now."""
        return self._objects

    async def run(self) -> NoReturn:
        """List and watch, for ever. Needs the verbs list and watch.

        What ``on_change`` raises ends it, and so does nothing else.
        """
        about = {"resource": self.resource.plural, "namespace": self.namespace}
        await pursue(self._list, self._watch, lambda _: None, about=about, relist_every=self.relist_every)

    def heard(self, document: Document) -> None:
        """Take what a call of ours returned, which the watch will tell only later.

        It must match the selector. Raises :class:`ApiUnreachable` for what is no object of Kubernetes.
        """
        with understood(self._path):
            state = _state(document)
        self._take(state, document)

    def gone(self, name: str, uid: str) -> None:
        """Take an object for deleted, for ever: a call of ours found that it is not there any more."""
        self._dead.note(uid, _FOR_EVER)
        known = self._states.get(name)
        if known is not None and known.uid == uid:
            self._end(known, known.version)

    async def _list(self) -> str:
        """Take all there is, page by page, and return the version from which to watch."""
        listed: set[str] = set()
        query = {**self._only, "limit": str(PAGE)}
        with self._troubles():
            while True:
                page = await self.kube.call("GET", self._path, query=query, patience=PAGE_PATIENCE)
                with understood(self._path):
                    states = [_state(each) for each in page["items"]]
                    version, rest = int(page["metadata"]["resourceVersion"]), page["metadata"].get("continue")
                for state, document in zip(states, page["items"], strict=True):
                    self._take(state, document)
                listed.update(state.name for state in states)
                if not rest:
                    break
                query["continue"] = rest
        for state in [each for each in self._states.values() if each.name not in listed]:
            self._end(state, version)
        self.synced, self.problem = True, ""
        return str(version)

    async def _watch(self, version: str, seconds: int) -> str:
        """Take each event; return the version from which to go on."""
        query = {**self._only, "resourceVersion": version}
        with self._troubles():
            async with aclosing(self.kube.events(self._path, query, seconds)) as events:
                async for kind, document, version in events:  # noqa: B007, PLR1704 - the last one is where to go on
                    if kind == "BOOKMARK":
                        continue
                    with understood(self._path):
                        state = _state(document)
                    if kind == "DELETED":  # or it does not match the selector any more
                        self._end(state, state.version)
                    else:
                        self._take(state, document)
        return version

    def _take(self, state: _State, document: Document) -> None:
        """Take an object as it is, unless something newer is known of it."""
        known = self._states.get(state.name)
        if known is not None and known.version >= state.version:
            return
        if max(self._ends[state.name], self._dead[state.uid]) >= state.version:
            return
        if known is not None and known.uid != state.uid:
            self.gone(known.name, known.uid)
        before, after = self._objects.get(state.name), self._read(state.name, document)
        self._states[state.name] = state
        if after is not None:
            self._objects[state.name] = after
        elif before is not None:
            del self._objects[state.name]
        if before is not None or after is not None:
            self.on_change(state.name, before, after)

    def _end(self, state: _State, version: int) -> None:
        """Take an object for gone as of ``version``; it may match the selector again later."""
        self._ends.note(state.name, version)
        known = self._states.get(state.name)
        if known is None or known.version > version:
            return
        del self._states[state.name]
        before = self._objects.pop(state.name, None)
        if before is not None:
            self.on_change(state.name, before, None)

    def _read(self, name: str, document: Document) -> T | None:
        try:
            return self.read(document)
        except (ValueError, LookupError, TypeError, AttributeError, ScalerError) as error:
            why = f"{type(error).__name__}: {error}"
            if why not in self._told and len(self._told) < TOLD:
                self._told.add(why)
                log.warning("object cannot be read", why=why, resource=self.resource.plural, name=name)
            return None

    @contextmanager
    def _troubles(self) -> Iterator[None]:
        """Note why the API tells nothing, in :attr:`problem`."""
        try:
            yield
        except (ApiRefused, ApiUnreachable) as error:
            if not outdated(error):
                self.problem = str(error)
            raise


def _state(document: Document) -> _State:
    """Say which object this is; to be called in a block that is :func:`understood`."""
    about = well_formed(document)["metadata"]
    if not isinstance(about["uid"], str):
        raise TypeError("not an object of Kubernetes")
    return _State(about["name"], about["uid"], int(about["resourceVersion"]))
