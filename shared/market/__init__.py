"""The exchange's rules by date: sales tax, tick size and daily limits, each table in one place with its source."""

from __future__ import annotations

from shared.market.day_rules import RULES_VERSION, DayRules, day_rules
from shared.market.limits import limit_pct, limits
from shared.market.rule_books import KINDS, kind_of, kinds_of
from shared.market.taxes import sales_tax_pct
from shared.market.ticks import nearest_tick, round_down, round_up, tick, ticks_of

__all__ = [
    "KINDS",
    "RULES_VERSION",
    "DayRules",
    "day_rules",
    "kind_of",
    "kinds_of",
    "limit_pct",
    "limits",
    "nearest_tick",
    "round_down",
    "round_up",
    "sales_tax_pct",
    "tick",
    "ticks_of",
]
