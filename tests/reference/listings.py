"""What a stock is on a day: its market, name, sector and kind (section 1, Market and Kind)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

from tests.reference.rules import KOREAN


@dataclass(frozen=True)
class Listing:
    """One row of the `listings` file."""

    since: dt.date
    market: str
    name: str | None
    sector: str | None


@dataclass
class Identity:
    """What `companies` and `listings` say about one stock; `listings` ascend by date."""

    code: str
    name: str
    market: str
    sector: str | None
    kind: str | None
    listings: list[Listing] = field(default_factory=list)

    def market_on(self, day: dt.date) -> str:
        """Return the last entry's market so far, before the first entry that of the first, else the company's."""
        if not self.listings:
            return self.market
        found = self.listings[0].market
        for entry in self.listings:
            if entry.since <= day:
                found = entry.market
        return found

    def name_on(self, day: dt.date) -> str:
        """Return the name of the last entry so far that states one, else the company's."""
        found = self.name
        for entry in self.listings:
            if entry.since <= day and entry.name is not None:
                found = entry.name
        return found

    def sector_on(self, day: dt.date) -> str | None:
        """Return the sector of the last entry so far that states one, else the company's."""
        found = self.sector
        for entry in self.listings:
            if entry.since <= day and entry.sector is not None:
                found = entry.sector
        return found

    def kind_on(self, day: dt.date) -> str:
        """Return the loaded kind, else the kind that the code and the day's name and market tell."""
        if self.kind is not None:
            return self.kind
        if len(self.code) != 6 or self.market_on(day) not in KOREAN:
            return "common"
        name = self.name_on(day)
        if "스팩" in name or "기업인수목적" in name:
            return "spac"
        if name.endswith("리츠") or "위탁관리부동산" in name or "부동산투자회사" in name:
            return "reit"
        if self.code[-1] != "0":
            return "preferred"
        return "foreign" if self.code[0] == "9" else "common"


def issuer_of(code: str, market: str, issuer: str | None) -> tuple[str, str]:
    """Return what the shares of one company have in common."""
    if issuer is not None:
        return "issuer", issuer
    if len(code) == 6 and market in KOREAN:
        return "first five", code[:5]
    return "alone", code
