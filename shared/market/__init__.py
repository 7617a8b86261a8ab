"""The exchange's rules by date: sales tax, tick size and daily limits, each table in one place with its source."""

from __future__ import annotations

from shared.market.day_rules import RULES_VERSION, DayRules, day_rules
from shared.market.limits import limit_pct, limits
from shared.market.rule_books import RULE_BOOKS, has_rules, rule_book, rule_books
from shared.market.taxes import sales_tax_pct
from shared.market.ticks import nearest_tick, round_down, round_up, tick, ticks_of

__all__ = [
    "RULES_VERSION",
    "RULE_BOOKS",
    "DayRules",
    "day_rules",
    "has_rules",
    "limit_pct",
    "limits",
    "nearest_tick",
    "round_down",
    "round_up",
    "rule_book",
    "rule_books",
    "sales_tax_pct",
    "tick",
    "ticks_of",
]
