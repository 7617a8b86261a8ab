"""The sources of a run: one HTTP session, each source with its key, limits and base URL."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp

from services.preparer.fetching import krx
from services.preparer.fetching.krx import Krx
from services.preparer.fetching.quota import Limits, Quota
from services.preparer.fetching.raw_store import RawStore
from services.preparer.fetching.source import Clock, Source
from shared.settings import Settings

USER_AGENT = "ondol"


@dataclass(frozen=True, kw_only=True)
class Sources:
    """The sources whose keys are set; None for the others."""

    quota: Quota
    krx: Krx | None

    @property
    def all(self) -> tuple[Source, ...]:
        """The HTTP sources that are used."""
        return tuple(client.source for client in (self.krx,) if client is not None)


def names_of_keys(settings: Settings) -> tuple[str, ...]:
    """Return the settings of keys that are set, without their values."""
    keys = {"ONDOL_KRX_KEY": settings.krx_key, "ONDOL_DART_KEY": settings.dart_key, "ONDOL_KIS_KEY": settings.kis_key}
    return tuple(name for name, value in keys.items() if value)


@asynccontextmanager
async def open_sources(settings: Settings, store: RawStore, clock: Clock) -> AsyncIterator[Sources]:
    """Open the sources whose keys are set; close their connections at the end."""
    quota = Quota(store.root / "quota.json", clock.now)
    async with aiohttp.ClientSession(headers={"User-Agent": USER_AGENT}, trust_env=True) as session:
        client = None
        if settings.krx_key:
            client = Krx(
                Source(
                    name=krx.SOURCE, title=krx.TITLE, url=settings.krx_url, quota=quota, session=session, clock=clock,
                    limits=Limits(daily_calls=settings.krx_daily_calls, pace_s=settings.krx_pace_ms / 1e3),
                    headers={"AUTH_KEY": settings.krx_key}, secrets=(settings.krx_key,),
                ),
                store,
            )  # fmt: skip
        yield Sources(quota=quota, krx=client)
