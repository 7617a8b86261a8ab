"""Which parts of a universe a stock fulfils on one row."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from shared.model.calendar import NO_DAY, iso
from shared.model.fields import CARRY_ROWS, NEVER_TRADED
from shared.model.listings import row_attributes
from shared.model.request import Universe
from shared.simulation.explain.condition_values import RowValues
from shared.simulation.plan import Expressions
from shared.strategies.catalogue import CAP_GROUPS


@dataclass(frozen=True, kw_only=True)
class UniversePart:
    """A part of the universe (field of the request, or condition) with the stock's own value."""

    part: str
    passed: bool
    value: Any


def universe_parts(universe: Universe, expressions: Expressions, values: RowValues, column: int) -> list[UniversePart]:
    """Return every part of a universe that restricts it, for one stock on one row."""
    return [*_listed_parts(universe, values, column), *_conditions(expressions, values, column)]


def _listed_parts(universe: Universe, values: RowValues, column: int) -> Iterator[UniversePart]:
    panels, rows = values.panels, values.rows
    code, delisted = panels.instruments.code[column], int(panels.instruments.delisted_day[column])
    idle = int(panels.panel("idle", rows)[0, column])
    yield UniversePart(part="price", passed=idle <= CARRY_ROWS, value=None if idle == NEVER_TRADED else idle)
    if delisted != NO_DAY:
        yield UniversePart(part="delisted_on", passed=int(panels.days[values.row]) < delisted, value=iso(delisted))
    attributes = row_attributes(panels, rows)
    market = attributes.markets[int(attributes.market[0, column])]
    kind = attributes.kinds[int(attributes.kind[0, column])]
    number = int(attributes.sector[0, column])
    sector = attributes.sectors[number] if number >= 0 else None
    if universe.markets is not None:
        yield UniversePart(part="markets", passed=market in universe.markets, value=market)
    if universe.kinds is not None:
        yield UniversePart(part="kinds", passed=kind in universe.kinds, value=kind)
    if universe.sectors is not None:
        yield UniversePart(part="sectors", passed=sector in universe.sectors, value=sector)
    if universe.exclude_sectors is not None:
        yield UniversePart(part="exclude_sectors", passed=sector not in universe.exclude_sectors, value=sector)
    if universe.cap_groups is not None:
        cap = panels.panel("MARKET_CAP", rows)[0, column]
        groups = [CAP_GROUPS[name] for name in universe.cap_groups]
        passed = any(
            group.market == market and np.float32(group.lower) <= cap < np.float32(group.upper) for group in groups
        )
        yield UniversePart(part="cap_groups", passed=passed, value=None if np.isnan(cap) else float(cap))
    if universe.stock_codes is not None:
        yield UniversePart(part="stock_codes", passed=code in universe.stock_codes, value=code)
    if universe.exclude is not None:
        yield UniversePart(part="exclude", passed=code not in universe.exclude, value=code)


def _conditions(expressions: Expressions, values: RowValues, column: int) -> Iterator[UniversePart]:
    for part in values.parts(expressions.universe, column, before_where=True):
        yield UniversePart(part=f"where: {part.condition}", passed=part.passed, value=part.values)
