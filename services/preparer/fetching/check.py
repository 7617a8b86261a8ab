"""Test the keys with one call each, and name the services that they are not approved for."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

from services.preparer.fetching import dart, kis, krx
from services.preparer.fetching.sources import Sources
from shared.market_files.answers import AnswerError, NotApprovedError
from shared.market_files.dart_answers import dart_rows
from shared.model.calendar import SEOUL


@dataclass(kw_only=True)
class KeyCheck:
    """The check of one key: None for a service that answers, else the reason; `advice` says what to do."""

    source: str
    setting: str
    services: dict[str, str | None] = field(default_factory=dict)
    advice: str | None = None

    @property
    def works(self) -> bool:
        """Every service answers."""
        return bool(self.services) and not any(self.services.values())


async def check_keys(sources: Sources) -> list[KeyCheck]:
    """Return the check of each key, of an absent one with the advice how to get it."""
    return [await _check_krx(sources), await _check_dart(sources), await _check_kis(sources)]


async def _check_krx(sources: Sources) -> KeyCheck:
    found = KeyCheck(source=krx.TITLE, setting="ONDOL_KRX_KEY")
    client = sources.krx
    if client is None:
        found.advice = "no key: prices cannot be fetched. Register at openapi.krx.co.kr and request a key (free)"
        return found
    day = krx.last_published(client.source.clock.now())
    missing = []
    for service in krx.SERVICES:
        try:
            await client.source.get(service.path, {"basDd": f"{day:%Y%m%d}"}, service.parse)
            found.services[service.path] = None
        except AnswerError as error:
            found.services[service.path] = str(error)
            missing += [service.api] if isinstance(error, NotApprovedError) else []
    if len(missing) == len(krx.SERVICES):
        found.advice = (
            "no service accepts the key: it is wrong, has expired (after a year), or no service was applied for"
        )
    elif missing:
        found.advice = f"apply for {', '.join(missing)} at openapi.krx.co.kr (each service is approved by itself)"
    return found


async def _check_dart(sources: Sources) -> KeyCheck:
    found = KeyCheck(source=dart.TITLE, setting="ONDOL_DART_KEY")
    client = sources.dart
    if client is None:
        found.advice = "no key: statements cannot be fetched. Register at opendart.fss.or.kr and request a key (free)"
        return found
    day = client.source.clock.now().astimezone(SEOUL).date() - dt.timedelta(days=1)
    params = {"bgn_de": f"{day:%Y%m%d}", "end_de": f"{day:%Y%m%d}", "pblntf_ty": "A", "page_no": "1", "page_count": "1"}
    try:
        await client.source.get("list.json", params, dart_rows)
        found.services["list.json"] = None
    except AnswerError as error:
        found.services["list.json"] = str(error)
    return found


async def _check_kis(sources: Sources) -> KeyCheck:
    found = KeyCheck(source=kis.TITLE, setting="ONDOL_KIS_KEY, ONDOL_KIS_SECRET")
    if sources.kis is None:
        found.advice = "no key (optional): ex-dates of dividends are approximate without record dates"
        return found
    try:
        await sources.kis.token()
        found.services["oauth2/tokenP"] = None
    except AnswerError as error:
        found.services["oauth2/tokenP"] = str(error)
    return found
