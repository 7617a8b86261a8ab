"""What a simulator computed for a step of a paper account, beside what the account has stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
import zstandard

from shared.accounts.order_status import order_statuses

Row = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Computed:
    """An account's row, the current version, the simulator's answer (`AccountDay`), and the steps without a booking."""

    account: Row
    current: Row
    found: dict[str, Any]
    unbooked: list[Row]

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

    def statuses(self, day: str, fills: list[dict[str, Any]]) -> list[dict[str, Any]] | None:
        """What became of the orders of a day; None when nothing was decided."""
        step = next((row for row in self.unbooked if row["day"].isoformat() == day), None)
        if step is None or step["decision"] is None:
            return None
        return order_statuses(orjson.loads(step["decision"])["orders"], fills, self.found["met"].get(day, {}))


def pack_result(result: Mapping[str, Any]) -> bytes:
    """Return a result as a zstd frame."""
    return zstandard.ZstdCompressor(level=1, write_checksum=True).compress(orjson.dumps(result))


def unpack_result(frame: bytes) -> dict[str, Any]:
    """Return the result of a frame."""
    found: dict[str, Any] = orjson.loads(zstandard.ZstdDecompressor().decompress(frame))
    return found
