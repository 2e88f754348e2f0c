"""The pool's controller as it is, in a process of its own, which hears a script: ``python -m … KUBECONFIG NAMESPACE``.

Each line of its input is a JSON object with one key: ``pools`` is that section of a configuration, ``say`` tells how
many replicas' work waits for functions by name, ``report`` asks for a line: the claims since the last one, and how many
pods of each function are available.
"""

import asyncio
import json
import logging
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import structlog

from scaler.config.pools import PoolSection
from scaler.keda import Reference
from scaler.net.kube import JSON_PATCH, Body, Document, Kube, running_kube
from scaler.policy.demand import Signal
from scaler.pool.controller import Controller, running_controller
from scaler.pool.manifests import BRIDGED
from scaler.pool.signals import Heard
from scaler.pooling import pool_of
from scaler.probes.registry import installed

LINE: Final = 2**20  # bytes


class Script:
    """Says of each ScaledObject's trigger, by its name, what it is told; until then that it is quiet."""

    def __init__(self) -> None:
        self.told_at: dict[str, float] = {}  # by time.monotonic
        self._heard: dict[str, Heard] = {}

    def follow(self, reference: Reference, heard: Heard) -> "Followed":
        """Follow one; see :meth:`scaler.pool.signals.Signals.follow`."""
        self._heard[reference[1]] = heard
        heard(_signal(0))
        return Followed()

    def say(self, words: Mapping[str, int]) -> None:
        """Tell how many replicas' work waits, one function after the other."""
        at = time.monotonic()
        for name, replicas in words.items():
            self.told_at[name] = at
            self._heard[name](_signal(replicas))


class Followed:
    """One trigger."""

    problem = ""

    def end(self) -> None:
        """Hear no more; a script goes on."""


class Timed(Kube):
    """A client that notes its claims: pod, when the script spoke of its function, when it was sent, and answered."""

    def __init__(self, kube: Kube, script: Script) -> None:
        vars(self).update(vars(kube))
        self._script = script
        self.claims: list[tuple[str, float, float, float]] = []

    async def call(  # noqa: PLR0913 - as it is
        self,
        method: str,
        path: str,
        body: Body | None = None,
        *,
        query: Mapping[str, str] | None = None,
        content: str = "application/json",
        patience: float | None = None,
    ) -> Document:
        """Make one call; see :class:`Kube`."""
        sent = time.monotonic()
        answer = await super().call(method, path, body, query=query, content=content, patience=patience)
        if content == JSON_PATCH and any(each.get("value") == BRIDGED for each in body or () if isinstance(each, dict)):
            pod = path.rpartition("/")[2]
            told = self._script.told_at[pod.rpartition("-warm-")[0]]
            self.claims.append((pod, told, sent, time.monotonic()))
        return answer


async def main(kubeconfig: Path, namespace: str) -> None:
    """Do what the lines say until there are no more."""
    async with running_kube(kubeconfig) as kube:
        assert kube is not None
        script = Script()
        timed = Timed(kube, script)
        async with running_controller(
            pool_of(timed, script, installed().kinds, namespace=namespace, dev=True)
        ) as controller:
            async for line in _lines():
                _obey(line, controller, script, timed)


def _obey(line: dict[str, Any], controller: Controller, script: Script, timed: Timed) -> None:
    match line:
        case {"pools": sections}:
            controller.configure({name: PoolSection.model_validate(each) for name, each in sections.items()})
        case {"say": words}:
            script.say(words)
        case _:
            functions = {each["function"]: each["pods"]["available"] for each in controller.told()["functions"]}
            sys.stdout.write(json.dumps({"claims": timed.claims, "available": functions}) + "\n")
            sys.stdout.flush()
            timed.claims = []


async def _lines() -> AsyncIterator[dict[str, Any]]:
    reader = asyncio.StreamReader(limit=LINE)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        yield json.loads(line)


def _signal(replicas: int) -> Signal:
    return Signal(active=replicas > 0, value=float(replicas), target=1.0)


if __name__ == "__main__":
    structlog.configure(
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
    )
    with suppress(KeyboardInterrupt):
        asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
