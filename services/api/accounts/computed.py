"""What a simulator computed for a step of a paper account, beside what the account has stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
import zstandard

from shared.accounts.drift import affected_stocks, order_difference
from shared.accounts.order_status import order_statuses
from shared.accounts.reconciliation import provisional_statuses, reconcile
from shared.accounts.shapes import OrderDifference, OrderStatus, ReconciledFill

Row = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Computed:
    """An account's row, the current version, the simulator's answer (`AccountDay`), and the steps without a booking.

    `quotes` is (day number, number) of the opening quotes that the answer was asked to book.
    """

    account: Row
    current: Row
    found: dict[str, Any]
    unbooked: list[Row]
    quotes: tuple[int, int] | None = None

    @property
    def days(self) -> list[str]:
        """The days of the ledger after the last step; none at the first one, whose days are history."""
        if self.account["dataset_version"] is None or self.found["result"] is None:
            return []
        after = self.account["as_of"]
        return [p["date"] for p in self.found["result"]["equity"] if after is None or p["date"] > after.isoformat()]

    def fills(self, day: str) -> list[dict[str, Any]]:
        """The fills of a day with the won that each made by its evening."""
        made = [item["won"] for item in self.found["fills_won"] if item["date"] == day]
        trades = [trade for trade in self.found["result"]["trades"] if trade["date"] == day]
        return [{**trade, "won": won} for trade, won in zip(trades, made, strict=True)]

    def decision(self, day: str) -> dict[str, Any] | None:
        """The decision of a day without a booking; None when nothing was decided."""
        step = self._step(day)
        if step is None or step["decision"] is None:
            return None
        found: dict[str, Any] = orjson.loads(step["decision"])
        return found

    def _step(self, day: str) -> Row | None:
        return next((row for row in self.unbooked if row["day"].isoformat() == day), None)

    def order_difference(self, day: str) -> OrderDifference:
        """The orders of a day that only its decision or only the current data have: {decided, now}."""
        decision = self.decision(day)
        again = next((found for found in self.found["rechecked"] if found["day"] == day), None)
        if decision is None or again is None or again["digest"] == decision["digest"]:
            return {"decided": [], "now": []}
        return order_difference(decision["orders"], again["orders"])

    def statuses(self, day: str, fills: list[dict[str, Any]]) -> list[OrderStatus] | None:
        """What became of the orders of a day; None when nothing was decided."""
        decision = self.decision(day)
        if decision is None:
            return None
        return order_statuses(decision["orders"], fills, self.found["met"].get(day, {}))

    def reconciliation(self, day: str, fills: list[dict[str, Any]]) -> list[ReconciledFill] | None:
        """How the fills of a day differ from those that opening quotes gave; None when there were none."""
        step, decision = self._step(day), self.decision(day)
        if step is None or decision is None or step["provisional"] is None:
            return None
        changed = affected_stocks(self.order_difference(day))
        prices = self.found.get("quoted", {}).get(day, {})
        return reconcile(orjson.loads(step["provisional"]), decision["orders"], fills, prices, changed)

    def opened(self) -> tuple[dict[str, Any], list[OrderStatus]] | None:
        """What opening quotes fill on the day after the last row, and the statuses of its orders; None without any."""
        opened: dict[str, Any] | None = self.found.get("opened")
        decision = None if opened is None else self.decision(opened["date"])
        if opened is None or decision is None:
            return None
        unquoted = sorted({order["stock_code"] for order in decision["orders"]} - set(opened["quotes"]))
        statuses = provisional_statuses(decision["orders"], opened)
        kept = {name: value for name, value in opened.items() if name != "met"}
        return kept | {"unquoted": unquoted}, statuses


def pack_result(result: Mapping[str, Any]) -> bytes:
    """Return a result as a zstd frame."""
    return zstandard.ZstdCompressor(level=1, write_checksum=True).compress(orjson.dumps(result))


def unpack_result(frame: bytes) -> dict[str, Any]:
    """Return the result that `pack_result` has packed; zstandard.ZstdError for bytes that are damaged."""
    found: dict[str, Any] = orjson.loads(zstandard.ZstdDecompressor().decompress(frame))
    return found
