"""The sources of a run: one HTTP session, each source with its key, limits and base URL."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

import aiohttp

from services.preparer.fetching import dart, kis, krx
from services.preparer.fetching.dart import Dart
from services.preparer.fetching.kis import Kis
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
    dart: Dart | None
    kis: Kis | None

    @property
    def all(self) -> tuple[Source, ...]:
        """The HTTP sources that are used."""
        return tuple(client.source for client in (self.krx, self.dart, self.kis) if client is not None)


@asynccontextmanager
async def open_sources(settings: Settings, store: RawStore, clock: Clock) -> AsyncIterator[Sources]:
    """Open the sources whose keys are set; close their connections at the end."""
    quota = Quota(store.root / "quota.json", clock.now)
    async with aiohttp.ClientSession(headers={"User-Agent": USER_AGENT}, trust_env=True) as session:
        source_of = partial(Source, quota=quota, session=session, clock=clock)
        exchange = filings = broker = None
        if settings.krx_key:
            source = source_of(
                name=krx.SOURCE, title=krx.TITLE, url=settings.krx_url, headers={"AUTH_KEY": settings.krx_key},
                limits=Limits(daily_calls=settings.krx_daily_calls, pace_s=settings.krx_pace_ms / 1e3),
                secrets=(settings.krx_key,),
            )  # fmt: skip
            exchange = Krx(source, store)
        if settings.dart_key:
            source = source_of(
                name=dart.SOURCE, title=dart.TITLE, url=settings.dart_url, query={"crtfc_key": settings.dart_key},
                limits=Limits(daily_calls=settings.dart_daily_calls, pace_s=settings.dart_pace_ms / 1e3),
                secrets=(settings.dart_key,),
            )  # fmt: skip
            filings = Dart(source, store)
        if settings.kis_key and settings.kis_secret:
            source = source_of(
                name=kis.SOURCE, title=kis.TITLE, url=settings.kis_url,
                limits=Limits(daily_calls=settings.kis_daily_calls, pace_s=settings.kis_pace_ms / 1e3),
                secrets=(settings.kis_key, settings.kis_secret),
            )  # fmt: skip
            broker = Kis(source, store, settings.kis_key, settings.kis_secret)
        yield Sources(quota=quota, krx=exchange, dart=filings, kis=broker)
