"""What a run returns: the encoded result, its digest, and how long each step took."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import orjson

from shared.simulation.result.tables import EncodedResult


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """`encoded` is the result with its provenance, `statistics` its statistics as JSON. `timing` has `evaluate_ms`,
    `simulate_ms`, `statistics_ms`, `encode_ms`."""

    encoded: EncodedResult
    statistics: bytes
    timing: dict[str, float]

    @property
    def result_digest(self) -> str:
        """The digest of all of the result but `provenance`."""
        return self.encoded.digest

    @cached_property
    def body(self) -> bytes:
        """The result as JSON (null for what is undefined, never NaN)."""
        return b"".join((self.encoded.json, self.encoded.ending))

    @cached_property
    def result(self) -> dict[str, Any]:
        """The body, parsed."""
        parsed: dict[str, Any] = orjson.loads(self.body)
        return parsed
