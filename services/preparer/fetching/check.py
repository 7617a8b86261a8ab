"""Test the keys with one call each, and name the services that they are not approved for."""

from __future__ import annotations

from dataclasses import dataclass, field

from services.preparer.fetching import krx
from services.preparer.fetching.sources import Sources
from shared.market_files.answers import AnswerError, NotApprovedError


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
    return [await _check_krx(sources)]


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
