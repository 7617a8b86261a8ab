"""Build a dataset version of the newest revision in this process."""

from __future__ import annotations

from contextlib import AsyncExitStack

from services.preparer.build import BuildReport
from services.preparer.preparer import Preparer
from services.preparer.service import build_context
from shared.infra.database.pool import database
from shared.infra.redis import client as servers
from shared.infra.redis.cache import cache as open_cache
from shared.settings import Settings


async def prepare_once(settings: Settings, *, rebuild: bool = False) -> BuildReport:
    """Build a version of the newest revision; `rebuild` computes every part again."""
    async with AsyncExitStack() as stack:
        found = await stack.enter_async_context(database(settings.database_url or "", size=settings.database_pool_size))
        broker = await stack.enter_async_context(servers.broker(settings.broker_url or ""))
        cache = await stack.enter_async_context(open_cache(settings.cache_url or "", cluster=settings.cache_cluster))
        context = build_context(settings, found, cache)
        preparer = Preparer(context, broker, settings.broker_url or "", retention_days=settings.dataset_retention_days)
        return await preparer.prepare(rebuild=rebuild)
