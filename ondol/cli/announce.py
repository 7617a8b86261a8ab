"""Messages of commands to the services of their system."""

from __future__ import annotations

import asyncio

from ondol.cli.connection import System
from shared.contracts.events import MarketLoaded
from shared.infra.redis import client as servers
from shared.infra.redis.streams import append


async def announce(system: System, revision: int | None) -> None:
    """Publish a new data revision, so that the preparer builds it at once; None is no revision."""
    if revision is not None:
        async with servers.broker(system.settings.broker_url or "") as broker:
            await asyncio.shield(append(broker, MarketLoaded(revision=revision)))


NEXT_STEP = "next: a serving system publishes them automatically; otherwise run ondol serve or ondol prepare"
"""The step after a new revision."""
