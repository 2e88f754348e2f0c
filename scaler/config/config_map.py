"""A configuration in a ConfigMap, followed through the Kubernetes API, and the last good text in another one.

At the start an API that does not answer is waited for, :data:`START_WITHIN` seconds. After that the process ends with a
message and is started again by its kubelet, which is better than to wait on: a pod that restarts is seen by everybody,
one that silently never becomes ready is not. The defaults would be worse than either: they allow addresses that the
configuration may forbid, and know no connection. While serving, an API that does not answer changes nothing at all.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

from structlog import get_logger

from scaler.aio import Cell
from scaler.config.source import CONFIG_KEY, ConfigMapName, Content, Unreadable
from scaler.errors import ApiRefused, ApiUnreachable
from scaler.net.events import SOURCE, record
from scaler.net.kube import CONFIG_MAPS, NOT_FOUND, Document, Kube

log = get_logger(__name__)

START_WITHIN: Final = 30.0  # s for a first answer of the API
ACCEPTED: Final = "ConfigAccepted"
REJECTED: Final = "ConfigRejected"
MANAGED_BY: Final = "app.kubernetes.io/managed-by"


class ConfigMapOrigin:
    """One ConfigMap. Needs list and watch on it; get and patch, and once create, on the one that keeps the last good.

    What is kept is the text alone: a configuration holds no secret.
    """

    def __init__(self, kube: Kube, place: ConfigMapName) -> None:
        self._kube = kube
        self._place = place
        self._about: Document = {"namespace": place.namespace, "name": place.name}
        self._content: Cell[Content] = Cell(Unreadable("cannot be read: no answer of the Kubernetes API"))
        self._returned: Content | None = None
        self._version = 0
        self._complained = False

    def __str__(self) -> str:
        """Name it as the command line does."""
        return str(self._place)

    async def run(self) -> None:
        """Follow the ConfigMap, until cancelled."""
        place = self._place
        await self._kube.follow(CONFIG_MAPS, place.namespace, place.name, self._heard, self._failed)

    async def first(self) -> Content:
        """Wait for the first answer of the API; whatever it is, it is taken."""
        try:
            async with asyncio.timeout(START_WITHIN):
                return await self.changed()
        except TimeoutError:
            return self._content.value

    async def changed(self) -> Content:
        """Wait until the API tells of something else."""
        while True:
            self._version = await self._content.changed(self._version)
            if self._content.value != self._returned:
                self._returned = self._content.value
                return self._returned

    async def kept(self) -> bytes | None:
        """Read what an earlier process kept."""
        kept = self._place.last_good
        try:
            document = await self._kube.get(CONFIG_MAPS, kept.namespace, kept.name)
        except (ApiRefused, ApiUnreachable) as error:
            if not (isinstance(error, ApiRefused) and error.status == NOT_FOUND):
                log.warning("last good configuration cannot be read", why=str(error))
            return None
        content = _content(document)
        return content if isinstance(content, bytes) else None

    async def accepted(self, text: bytes, text_hash: str) -> None:
        """Keep the text, and say in an Event that it is in force."""
        await self._say(ACCEPTED, f"configuration {text_hash} is in force", warning=False)
        kept = self._place.last_good
        document = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"namespace": kept.namespace, "name": kept.name, "labels": {MANAGED_BY: SOURCE}},
            "data": {CONFIG_KEY: text.decode()},
        }
        try:
            await self._kube.apply(CONFIG_MAPS, document, manager=SOURCE)
        except (ApiRefused, ApiUnreachable) as error:
            if not self._complained:
                log.warning("last good configuration not kept", why=str(error))
            self._complained = True

    async def rejected(self, problems: Sequence[str]) -> None:
        """Say in an Event what is wrong."""
        await self._say(REJECTED, f"not in force, nothing changes: {'; '.join(problems)}", warning=True)

    async def _say(self, reason: str, message: str, *, warning: bool) -> None:
        regarding = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": self._about}
        await record(self._kube, regarding, reason, message, warning=warning)

    def _heard(self, document: Document | None) -> None:
        if document is not None:
            self._about = document["metadata"]
        self._content.set(_content(document))

    def _failed(self, error: ApiRefused | ApiUnreachable) -> None:
        """Take a refusal for an answer: somebody must grant something. Silence only counts while nothing is known."""
        why = Unreadable(f"cannot be read: {error}")
        if isinstance(error, ApiRefused):
            self._content.set(why)
        elif not self._content.version:
            self._content.value = why


def _content(document: Document | None) -> Content:
    if document is None:
        return Unreadable("does not exist")
    text = (document.get("data") or {}).get(CONFIG_KEY)
    return text.encode(errors="surrogatepass") if isinstance(text, str) else Unreadable(f"has no key {CONFIG_KEY!r}")


@asynccontextmanager
async def following_config_map(kube: Kube, place: ConfigMapName) -> AsyncIterator[ConfigMapOrigin]:
    """Follow a ConfigMap for as long as the block lasts."""
    async with asyncio.TaskGroup() as tasks:
        origin = ConfigMapOrigin(kube, place)
        following = tasks.create_task(origin.run(), name=str(place))
        try:
            yield origin
        finally:
            following.cancel()
