"""How late the event loop is: a blocked loop is the most likely silent failure of an asyncio service."""

import asyncio
from typing import Final

from scaler.observe import metrics

BEAT: Final = 1.0  # s


async def heartbeat() -> None:
    """Measure, until cancelled."""
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + BEAT
        await asyncio.sleep(BEAT)
        metrics.LOOP_LAG.set(max(0.0, loop.time() - due))
