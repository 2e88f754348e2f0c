"""A pod's own check, besides its readiness: how one is made, and who has passed lately."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from random import uniform
from typing import Final

import aiohttp
from yarl import URL

from scaler.config.pools import CheckSection, HttpSection
from scaler.errors import ScalerError, SourceUnavailable
from scaler.model import Instant
from scaler.net.egress import Egress

PATIENCE: Final = 1.0  # s that a pod may take to answer
AT_ONCE: Final = 50  # checks
WORTH: Final = 3  # intervals that a pass is worth, if no other check comes to an end
BAD: Final = 400  # the lowest HTTP status that is no good answer
READ: Final = 4096  # bytes of an answer that are looked at, at most

Check = Callable[[str], Awaitable[None]]
"""Checks the pod at an IP address: returns if it is fit, raises :class:`Unfit` if not, in about a second at most."""

AskHealth = Callable[[str, int, float], Awaitable[str]]
"""Asks address and port for gRPC health within so many seconds: what is wrong, empty for nothing."""


class Unfit(ScalerError):
    """The pod cannot serve now; its message says why, for a person."""


def checking(section: CheckSection | None, ask_health: AskHealth, *, loopback: bool = False) -> Check:
    """Make the check that the configuration describes; without a section every pod is fit, by its readiness alone.

    Addresses that are none of a pod are refused: link-local, multicast, metadata, and loopback unless it is allowed.
    """
    if section is None:
        return _accept
    egress = Egress(loopback=loopback)

    async def check(address: str) -> None:
        try:
            egress.check(address, ip_address(address), _port(section))
        except (SourceUnavailable, ValueError) as error:
            raise Unfit(str(error)) from error
        await _checked(section, ask_health, address)

    return check


async def _accept(address: str) -> None:
    """Accept any."""
    del address


def _port(section: CheckSection) -> int:
    return section.grpc or section.tcp or (section.http or HttpSection(port=1)).port


async def _checked(section: CheckSection, ask_health: AskHealth, address: str) -> None:
    try:
        async with asyncio.timeout(PATIENCE):
            if section.http is not None:
                await _get(address, section.http)
            elif section.grpc is not None:
                await _serve(ask_health, address, section.grpc)
            else:
                await _connect(address, _port(section))
    except TimeoutError:
        raise Unfit(f"no answer within {PATIENCE:g} s") from None
    except (OSError, aiohttp.ClientError, ValueError) as error:
        raise Unfit(str(error) or type(error).__name__) from error


async def _connect(address: str, port: int) -> None:
    _, writer = await asyncio.open_connection(address, port)
    writer.transport.abort()  # it was there, and that is all that is asked


async def _get(address: str, page: HttpSection) -> None:
    """Ask for the page on a connection of its own; its body is not read, and a redirect is as good as the page."""
    path, _, query = page.path.partition("?")
    url = URL.build(scheme="http", host=address, port=page.port, path=path, query_string=query)
    asking = aiohttp.request("GET", url, allow_redirects=False, read_bufsize=READ, max_line_size=READ)
    async with asking as answer:
        if answer.status >= BAD:
            raise Unfit(f"it answers HTTP {answer.status}")


async def _serve(ask_health: AskHealth, address: str, port: int) -> None:
    if problem := await ask_health(address, port, PATIENCE):
        raise Unfit(problem)


@dataclass(slots=True, eq=False)
class _Pod:
    """A pod that is looked after; ``problem`` is empty once it has passed."""

    address: str
    task: asyncio.Task[None] | None = None
    passed_at: Instant | None = None
    problem: str = "it was not checked yet"


class Fitness:
    """Who has passed its check lately, of the pods that it was last told of.

    Each is checked at once and then about each ``interval`` seconds, :data:`AT_ONCE` at a time. ``on_change`` is called
    in the event loop with the uid of a pod that passes after it did not, or the other way.
    """

    def __init__(
        self, check: Check, interval: float, clock: Callable[[], Instant], on_change: Callable[[str], None]
    ) -> None:
        self._check = check
        self._interval = interval
        self._clock = clock
        self._on_change = on_change
        self._pods: dict[str, _Pod] = {}
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._tasks: asyncio.TaskGroup | None = None

    def fit(self, uid: str) -> bool:
        """Tell whether a pod has passed, and lately enough."""
        pod = self._pods.get(uid)
        if pod is None or pod.problem or pod.passed_at is None:
            return False
        return self._clock() - pod.passed_at <= WORTH * self._interval + PATIENCE

    def problem(self, uid: str) -> str:
        """Say why a pod is not fit; empty for one that is, or that nobody looks after."""
        pod = self._pods.get(uid)
        return pod.problem if pod is not None else ""

    def watch(self, pods: Mapping[str, str]) -> None:
        """Look after exactly these pods from now on, given by uid with their IP address; forget all others.

        Nothing is awaited here. A pod with another address is another pod.
        """
        for uid in [uid for uid, pod in self._pods.items() if pods.get(uid) != pod.address]:
            self._forget(self._pods.pop(uid))
        for uid, address in pods.items():
            if uid not in self._pods:
                pod = self._pods[uid] = _Pod(address)
                self._attend(uid, pod)

    async def run(self) -> None:
        """Check what is to be looked after, until cancelled."""
        try:
            async with asyncio.TaskGroup() as self._tasks:
                for uid, pod in self._pods.items():
                    self._attend(uid, pod)
                await asyncio.Event().wait()
        finally:
            self._tasks = None

    def _attend(self, uid: str, pod: _Pod) -> None:
        if self._tasks is not None:
            pod.task = self._tasks.create_task(self._look_after(uid, pod), name=f"check {uid}")

    def _forget(self, pod: _Pod) -> None:
        if pod.task is not None:
            pod.task.cancel()

    async def _look_after(self, uid: str, pod: _Pod) -> None:
        while True:
            async with self._turns:
                problem = await self._problem(pod.address)
            self._learn(uid, pod, problem)
            await asyncio.sleep(self._interval * uniform(0.8, 1.2))  # noqa: S311 - spreads them, nothing secret

    async def _problem(self, address: str) -> str:
        try:
            await self._check(address)
        except Unfit as error:
            return str(error) or "unfit"
        except Exception as error:  # noqa: BLE001 - a defect of a check costs this pod its place, and nobody else
            return f"{type(error).__name__}, a bug in the check"
        return ""

    def _learn(self, uid: str, pod: _Pod, problem: str) -> None:
        passed_before, pod.problem = not pod.problem, problem
        if not problem:
            pod.passed_at = self._clock()
        if passed_before is bool(problem):
            self._on_change(uid)
