"""A loaded market as arrays: the input of the preparer, from which everything else is computed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from shared.model.instruments import Instruments

FLOWS = (
    "revenue",
    "cost_of_sales",
    "operating_income",
    "net_income",
    "interest_expense",
    "income_tax",
    "depreciation_amortization",
    "operating_cash_flow",
    "capital_expenditure",
    "net_income_owners",
)
"""Accounts cumulated from the start of the fiscal year, won."""

BALANCES = (
    "total_assets",
    "current_assets",
    "cash_and_equivalents",
    "inventories",
    "intangible_assets",
    "total_liabilities",
    "current_liabilities",
    "interest_bearing_debt",
    "retained_earnings",
    "total_equity",
    "equity_owners",
)
"""Accounts at period end, won."""

ACCOUNTS = FLOWS + BALANCES

PRICE_COLUMNS = (
    "open",
    "high",
    "low",
    "close",
    "volume",
    "trading_value",
    "market_cap",
    "listed_shares",
    "change",
    "change_rate",
    "split",
)


@dataclass(frozen=True, kw_only=True)
class Statements:
    """Every loaded statement, one row each, in any order. Days are day numbers; an absent account is NaN."""

    instrument: np.ndarray  # int32 [S], ordinal
    fiscal_year: np.ndarray  # int32 [S]
    fiscal_quarter: np.ndarray  # int32 [S], 1..4
    period_end: np.ndarray  # int32 [S]
    disclosed_on: np.ndarray  # int32 [S]
    accounts: dict[str, np.ndarray]  # float64 [S] for every name of ACCOUNTS

    def select(self, wanted: np.ndarray) -> Statements:
        """Return the statements at these positions (integers or a mask), in that order."""
        return Statements(
            instrument=self.instrument[wanted],
            fiscal_year=self.fiscal_year[wanted],
            fiscal_quarter=self.fiscal_quarter[wanted],
            period_end=self.period_end[wanted],
            disclosed_on=self.disclosed_on[wanted],
            accounts={name: values[wanted] for name, values in self.accounts.items()},
        )


@dataclass(frozen=True, kw_only=True)
class Dividends:
    """Every loaded dividend row; several amounts of one ex-date add up.

    `disclosed_on` is the smallest int32 where the column is not loaded or null.
    """

    instrument: np.ndarray  # int32 [V], ordinal
    ex_date: np.ndarray  # int32 [V]
    dps: np.ndarray  # float64 [V], won a share on the price basis of ex_date
    disclosed_on: np.ndarray  # int32 [V]
    kind: tuple[str | None, ...] = ()
    """[V], kinds that distinguish several dividends of one ex-date, as loaded; None for all without them."""

    def __post_init__(self) -> None:
        if not self.kind:
            object.__setattr__(self, "kind", (None,) * len(self.instrument))

    def select(self, wanted: np.ndarray) -> Dividends:
        """Return the rows at these positions (integers or a mask), in that order."""
        positions = np.arange(len(self.instrument))[wanted]
        return Dividends(
            instrument=self.instrument[positions],
            ex_date=self.ex_date[positions],
            dps=self.dps[positions],
            disclosed_on=self.disclosed_on[positions],
            kind=tuple(self.kind[at] for at in positions.tolist()),
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Listings:
    """What instruments were from a day on, sorted by (instrument, from_day); see `shared.model.listings`."""

    instrument: np.ndarray  # int32 [L], ordinal
    from_day: np.ndarray  # int32 [L]
    market: tuple[str, ...]  # [L]
    name: tuple[str | None, ...]  # [L], None: as before
    sector: tuple[str | None, ...]  # [L], None: as before

    def select(self, wanted: np.ndarray) -> Listings:
        """Return the entries at these positions (integers or a mask), in that order."""
        positions = np.arange(len(self.instrument))[wanted]
        at = positions.tolist()
        return Listings(
            instrument=self.instrument[positions],
            from_day=self.from_day[positions],
            market=tuple(self.market[i] for i in at),
            name=tuple(self.name[i] for i in at),
            sector=tuple(self.sector[i] for i in at),
        )

    def of_columns(self, columns: slice) -> Listings:
        """Return the entries of the instruments of a slice, counted from its start."""
        found = self.select((self.instrument >= columns.start) & (self.instrument < columns.stop))
        return replace(found, instrument=(found.instrument - columns.start).astype(np.int32))

    def known_on(self, day: int) -> Listings:
        """Return the entries that hold on or before a day, and the first one of each instrument."""
        is_first = np.diff(self.instrument, prepend=-1) > 0
        return self.select((self.from_day <= day) | is_first)


NO_LISTINGS = Listings(instrument=np.zeros(0, np.int32), from_day=np.zeros(0, np.int32), market=(), name=(), sector=())
"""Nothing is known but what the companies say, which then holds always."""


def listings_of(entries: Iterable[tuple[int, int, str, str | None, str | None]]) -> Listings:
    """Return listings of (ordinal, from_day, market, name, sector) in any order."""
    ordered = sorted(entries, key=lambda entry: entry[:2])
    return Listings(
        instrument=np.array([e[0] for e in ordered], np.int32),
        from_day=np.array([e[1] for e in ordered], np.int32),
        market=tuple(e[2] for e in ordered),
        name=tuple(e[3] for e in ordered),
        sector=tuple(e[4] for e in ordered),
    )


@dataclass(frozen=True, kw_only=True)
class RawMarket:
    """Rows are the market's trading days, columns its instruments (or one part of them)."""

    days: np.ndarray  # int32 [D]
    instruments: Instruments  # N columns
    prices: dict[str, np.ndarray]  # each name of PRICE_COLUMNS -> float64 [D, N], NaN where null or without a row
    statements: Statements
    dividends: Dividends
    indices: dict[str, np.ndarray]  # name -> float64 [D] close, NaN on rows that the series lacks
    listings: Listings = NO_LISTINGS
