"""What a function's triggers say, told the moment it changes: the pool's ear.

Two things keep to :class:`Signals`: :class:`InProcess` here, beside the scaler, and ``scaler.rpc.asking.Asking``, which
asks a scaler elsewhere through KEDA's own contract.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Final, Protocol

from scaler.aio import Telling
from scaler.decisions import Decisions
from scaler.errors import ConfigError, LimitReached
from scaler.keda import Reference, said
from scaler.live import Live
from scaler.model import Decision
from scaler.policy.demand import Signal

RETRY: Final = 30.0  # s until a trigger that was refused is offered again; KEDA asks no more often by default

Heard = Callable[[Signal | None], None]


class Following(Protocol):
    """One trigger, followed until ``end``. ``problem`` says, for a person, why nothing is known of it; else empty."""

    problem: str

    def end(self) -> None:
        """Hear no more of it; once more does no harm."""


class Signals(Protocol):
    """What can follow triggers."""

    def follow(self, reference: Reference, heard: Heard) -> Following:
        """Call ``heard`` at once with what is known of a trigger, and again at each change until ``end``.

        ``None`` means that nothing true can be said; a value that is held during an outage is no such case. ``heard``
        is called in the event loop, in the very moment of a decision, so it must be quick; what it raises is logged.
        """


class InProcess:
    """Follows the triggers of this process's decisions.

    ``identify`` gives the identity under which KEDA's own calls would find the trigger. A trigger that KEDA has not
    asked for is admitted, and none is forgotten while it is followed. What KEDA alone can read, values from the
    environment of a container, is waited for: such a trigger is followed as soon as KEDA has asked for it.
    """

    def __init__(self, decisions: Decisions, identify: Callable[[Reference], bytes]) -> None:
        self._decisions = decisions
        self._identify = identify
        self._waiting: dict[tuple[str, str], set[_Waiting]] = {}
        decisions.audience.add(self._meet)

    def follow(self, reference: Reference, heard: Heard) -> Following:
        """Follow a trigger; see :meth:`Signals.follow`."""
        if said(reference[2]) != dict(reference[2]):
            return self._await(_Awaited(reference, heard, self._forgo))
        return self._await(_Admitted(reference, heard, self._forgo, self._find))

    def end(self) -> None:
        """Hear of no newcomers any more."""
        self._decisions.audience.discard(self._meet)

    def _find(self, reference: Reference) -> Live:
        identity = self._identify(reference)
        return self._decisions.known(identity) or self._decisions.admit(identity, reference)

    def _await(self, following: "_Waiting") -> "_Waiting":
        self._waiting.setdefault(following.reference[:2], set()).add(following)
        following.begin(self._decisions)
        return following

    def _forgo(self, following: "_Waiting") -> None:
        key = following.reference[:2]
        self._waiting.get(key, set()).discard(following)
        if not self._waiting.get(key):
            self._waiting.pop(key, None)

    def _meet(self, live: Live) -> None:
        for following in tuple(self._waiting.get(live.reference[:2], ())):
            following.meet(live)


class _Waiting(ABC):
    """What all followings share: the triggers that they hear now, and whom they tell."""

    def __init__(self, reference: Reference, heard: Heard, forgo: Callable[["_Waiting"], None]) -> None:
        self.reference = reference
        self.problem = ""
        self._told = Telling(heard)
        self._forgo = forgo
        self._lives: set[Live] = set()
        self._ended = False

    @abstractmethod
    def begin(self, decisions: Decisions) -> None:
        """Hear what is there already, and tell it."""

    @abstractmethod
    def meet(self, live: Live) -> None:
        """Look at a trigger of the same object that has just come."""

    def end(self) -> None:
        """Hear no more."""
        self._ended = True
        self._forgo(self)
        for live in tuple(self._lives):
            self._leave(live)

    def _join(self, live: Live) -> None:
        if live not in self._lives:
            self._lives.add(live)
            live.hearers.add(self._hear)
        self._hear()

    def _leave(self, live: Live) -> None:
        self._lives.discard(live)
        live.hearers.discard(self._hear)

    def _hear(self) -> None:
        for live in [live for live in self._lives if live not in live.judge.lives]:  # it was forgotten
            self._leave(live)
        if not self._ended:
            self._told.tell(self._loudest())

    def _loudest(self) -> Signal | None:
        signals = [signal for live in self._lives if (signal := signal_of(live)) is not None]
        return max(signals, key=lambda each: (each.active, each.value / each.target), default=None)


class _Admitted(_Waiting):
    """A trigger that is known whole; it is offered to the decisions, and again if they refuse it."""

    def __init__(
        self,
        reference: Reference,
        heard: Heard,
        forgo: Callable[[_Waiting], None],
        find: Callable[[Reference], Live],
    ) -> None:
        super().__init__(reference, heard, forgo)
        self._find = find
        self._again: asyncio.TimerHandle | None = None

    def begin(self, decisions: Decisions) -> None:
        """Admit it; a refusal is told and tried again later."""
        del decisions
        self._try()

    def meet(self, live: Live) -> None:
        """Take what KEDA was granted after it was refused to us."""
        if not self._lives and live.reference == self.reference:
            self._hold(live)

    def end(self) -> None:
        """Hear no more, and let it be forgotten."""
        if self._again is not None:
            self._again.cancel()
        super().end()

    def _try(self) -> None:
        self._again = None
        try:
            live = self._find(self.reference)
        except (ConfigError, LimitReached) as error:
            self.problem = str(error)
            self._again = asyncio.get_running_loop().call_later(RETRY, self._try)
            self._told.tell(None)
        else:
            self._hold(live)

    def _hold(self, live: Live) -> None:
        if self._ended:
            return
        if self._again is not None:
            self._again.cancel()
        if live not in self._lives:
            live.streams += 1  # whoever has a stream open is not forgotten
        self.problem = ""
        self._join(live)

    def _leave(self, live: Live) -> None:
        live.streams -= 1
        super()._leave(live)


class _Awaited(_Waiting):
    """A trigger with values that only KEDA can read: whatever KEDA asks for that says the rest alike.

    Several may, after a change of the environment or if nothing else tells two triggers apart. The one that asks for
    most counts: KEDA goes by the largest of an object's triggers as well, and forgets what is no more.
    """

    def begin(self, decisions: Decisions) -> None:
        """Look through what KEDA has asked for so far."""
        for live in decisions:
            self.meet(live)
        self._hear()

    def meet(self, live: Live) -> None:
        """Take a trigger of the same object that says the same."""
        namespace, name, metadata = live.reference
        if (namespace, name) == self.reference[:2] and said(metadata) == said(self.reference[2]):
            self._join(live)

    def _hear(self) -> None:
        self.problem = "" if self._lives else "it reads the environment, and KEDA has not asked for it yet"
        super()._hear()


def signal_of(live: Live) -> Signal | None:
    """Return what a trigger says now; ``None`` while nothing true can be said of it."""
    verdict = live.judge.verdict
    if not isinstance(verdict, Decision):
        return None
    return Signal(active=verdict.active, value=verdict.value, target=live.trigger.ask.metric.target)
