"""Pages made up: what no real server says on demand."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web

from tests.servers.ports import free_port

Page = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serving(page: Page) -> AsyncIterator[str]:
    """Serve a page for every path; yields ``host:port``."""
    app = web.Application()
    app.router.add_get("/{path:.*}", page)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", free_port())
    await site.start()
    try:
        yield site.name.removeprefix("http://")
    finally:
        await runner.cleanup()
