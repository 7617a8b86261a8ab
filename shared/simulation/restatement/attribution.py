"""What each cause of a difference made: runs from the earlier inputs to the later ones, one change at a time.

The stages are, in this order: the engine on the earlier data; each stock with restated cells, by code; restated parts
beside the panels; what came late; the user's change of the request. A cause gets what its stages made, so that the
parts of all causes add up to the whole difference.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import msgspec
import numpy as np

from shared.errors import RunError
from shared.model.calendar import from_day, to_day
from shared.model.panels import Panels
from shared.model.request import BacktestRequest
from shared.simulation.engine import ENGINE_VERSION, simulate_days
from shared.simulation.next_day import decide_next_day
from shared.simulation.restatement.changed_cells import ChangedCells, changed_cells, reference_without_late
from shared.simulation.restatement.patched_panels import Cells, PatchedPanels, Reference

MAX_STOCKS = 20
"""Stocks with restated cells that get a stage each; with more, all of them are one stage."""
MAX_CELLS = 500
"""Cells that a report lists."""

Cause = Literal["engine", "restated_data", "late_data", "user_change", "not_separable"]
Order = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """The earlier and the later inputs of an account's day.

    `old` is None when the earlier version was deleted. `until` is the last day number that the day reads;
    `late_stocks` as in `changed_cells`.
    """

    request_before: BacktestRequest
    request_now: BacktestRequest
    old: Panels | None
    new: Panels
    until: int
    engine_before: str
    late_stocks: Collection[str] = ()


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One change: its cause, the stock that it is about if it is about one, and the inputs with it."""

    cause: Cause
    stock_code: str | None
    request: BacktestRequest
    panels: Panels


class Attribution:
    """The stages between the earlier and the later inputs of a day, and the cells that differ."""

    def __init__(self, inputs: Inputs) -> None:
        self._inputs = inputs
        self.changes: ChangedCells | None = None
        if inputs.old is not None:
            self.changes = changed_cells(
                inputs.request_before, inputs.old, inputs.new, inputs.until, inputs.late_stocks
            )
        self.stages = list(self._stages())

    @property
    def same_engine(self) -> bool:
        """Return whether the earlier inputs were computed by this engine."""
        return self._inputs.engine_before == ENGINE_VERSION

    def _stages(self) -> Iterator[Stage]:
        given, changes = self._inputs, self.changes
        before = given.request_before
        if given.old is None or changes is None:
            cause: Cause = "restated_data" if self.same_engine else "not_separable"
            yield Stage(cause=cause, stock_code=None, request=before, panels=given.new)
        else:
            if not self.same_engine:
                yield Stage(cause="engine", stock_code=None, request=before, panels=given.old)
            if not changes.other_days:
                yield from self._restated(changes, given.old)
            if changes.has_late or changes.other_days:
                yield Stage(cause="late_data", stock_code=None, request=before, panels=given.new)
        if given.request_now != before:
            yield Stage(cause="user_change", stock_code=None, request=given.request_now, panels=given.new)

    def _restated(self, changes: ChangedCells, old: Panels) -> Iterator[Stage]:
        given, before = self._inputs, self._inputs.request_before
        columns = changes.columns
        codes = given.new.instruments.code
        steps = [[column] for column in columns] if len(columns) <= MAX_STOCKS else [columns]
        applied: set[int] = set()
        kept = Reference(
            instruments=given.new.instruments, dividends=old.dividends, listings=old.listings, indices=old.indices
        )
        for step in steps:
            applied.update(step)
            name = codes[step[0]] if len(step) == 1 else None
            panels = PatchedPanels(given.new, self._reverted(changes, applied), kept)
            yield Stage(cause="restated_data", stock_code=name, request=before, panels=panels)
        if any(not run.late for run in changes.reference):
            rest = reference_without_late(old, given.new)
            panels = PatchedPanels(given.new, self._reverted(changes, set(columns)), rest)
            yield Stage(cause="restated_data", stock_code=None, request=before, panels=panels)

    @staticmethod
    def _reverted(changes: ChangedCells, applied: Collection[int]) -> dict[str, Cells]:
        """Return the cells that still have their earlier values: late ones, and those of stocks not applied."""
        found = {}
        for name, cells in changes.before.items():
            is_applied = np.isin(cells.columns, list(applied))
            found[name] = cells.select(changes.late[name] | ~is_applied)
        return found

    def ledger(self, stored_equity: float) -> dict[str, Any]:
        """Return {causes, cells, …}: what each cause made of the equity (won) on the day `until`."""
        made: list[tuple[Stage, float]] = []
        last = stored_equity
        for stage in self.stages:
            equity = self._equity(stage)
            made.append((stage, equity - last))
            last = equity
        return self._document(made)

    def _equity(self, stage: Stage) -> float:
        request = _until(stage.request, self._inputs.until)
        if to_day(request.start) > self._inputs.until:
            return request.initial_cash
        run, _ = simulate_days(request, stage.panels)
        return round(float(run.ledger.equity[-1]), 2)

    def orders(self, day: int, decided: Sequence[Order], fills: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Return {causes, cells, …} of the orders of a day: a fill's won belongs to the last change of its orders."""
        by_stock = [_by_stock(decided)]
        by_stock += [_by_stock(self._orders(stage, day)) for stage in self.stages]
        made = [0.0] * len(self.stages)
        changed = [by_stock[at] != by_stock[at + 1] for at in range(len(self.stages))]
        for fill in fills:
            code = fill["stock_code"]
            at = [k for k in range(len(made)) if by_stock[k].get(code) != by_stock[k + 1].get(code)]
            if at:
                made[at[-1]] += fill["won"]
        return self._document(
            [(stage, won) for stage, won, is_cause in zip(self.stages, made, changed, strict=True) if is_cause or won]
        )

    def _orders(self, stage: Stage, day: int) -> list[Order]:
        panels = stage.panels
        last = int(panels.days[int(panels.days.searchsorted(day)) - 1])
        request = _until(stage.request, last)
        run = simulate_days(request, panels)[0] if to_day(request.start) <= last else None
        return list(decide_next_day(request, panels, day, run).document()["orders"])

    def _document(self, made: Sequence[tuple[Stage, float]]) -> dict[str, Any]:
        causes: dict[str, dict[str, Any]] = {}
        for stage, won in made:
            cause = causes.setdefault(stage.cause, {"cause": stage.cause, "won": 0.0, "stocks": []})
            cause["won"] = round(cause["won"] + won, 2)
            if stage.stock_code is not None:
                cause["stocks"].append({"stock_code": stage.stock_code, "won": round(won, 2)})
        runs = [] if self.changes is None else self.changes.runs
        found = sorted(causes.values(), key=lambda one: -abs(one["won"]))
        wanted = [run for run in runs if ("late_data" if run.late else "restated_data") in causes]
        return {
            "causes": found,
            "cells": None if self.changes is None else [run.document() for run in wanted[:MAX_CELLS]],
            "cell_count": None if self.changes is None else len(wanted),
            "other_days": [] if self.changes is None else self.changes.other_days,
        }


def attribute(
    inputs: Inputs,
    *,
    stored_equity: float | None,
    day: int | None,
    orders: Sequence[Order],
    fills: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    """Return the causes of a difference of a ledger (`stored_equity`), or of the orders of `day`.

    {causes: [{cause, won, stocks}], cells, cell_count, other_days}; `cells` is None when the earlier version was
    deleted, or cannot be read by this engine.
    """
    try:
        return _attribute(Attribution(inputs), stored_equity, day, orders, fills)
    except RunError:
        if inputs.old is None:
            raise
        return _attribute(Attribution(replace(inputs, old=None)), stored_equity, day, orders, fills)


def _attribute(
    found: Attribution,
    stored_equity: float | None,
    day: int | None,
    orders: Sequence[Order],
    fills: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    if day is not None:
        return found.orders(day, orders, fills)
    if stored_equity is None:
        raise ValueError("an attribution needs an equity or a day")
    return found.ledger(stored_equity)


def _until(request: BacktestRequest, day: int) -> BacktestRequest:
    return msgspec.structs.replace(request, end=max(from_day(day), request.start), benchmark=None)


def _by_stock(orders: Sequence[Order]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for order in orders:
        text = repr(sorted((name, value) for name, value in order.items() if name != "name"))
        found.setdefault(order["stock_code"], []).append(text)
    return found
