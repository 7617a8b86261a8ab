"""What the user says about the files of an import."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Literal

UNITS = {"원": 1.0, "천원": 1e3, "백만원": 1e6, "억원": 1e8, "십억원": 1e9, "조원": 1e12}
"""Unit of trading values and market caps -> won."""
HEADER_UNITS = "header"
KINDS = ("prices", "companies", "indices", "financials", "dividends")

ChangeUnit = Literal["won", "fraction", "none"]


@dataclass(frozen=True, kw_only=True)
class Options:
    """One value for all files.

    kind: import only this (KINDS). date: day of files without one. adjusted, raw: what prices are that may be adjusted
    for later splits. unit: of amounts (UNITS), or HEADER_UNITS for the units that headers state. change_unit: fraction
    when 0.03 means 3 %, none to leave changes out. drop_broken: import a file without its broken rows.
    approximate_ex_dates: take the end of the period as the record date of every dividend of a report.
    """

    kind: str | None = None
    date: dt.date | None = None
    adjusted: bool = False
    raw: bool = False
    unit: str | None = None
    change_unit: ChangeUnit = "won"
    drop_broken: bool = False
    approximate_ex_dates: bool = False
