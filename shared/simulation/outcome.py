"""What a run hands back: the result in the shape of the interface, its bytes, its digest, and how long it took."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import orjson


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """`body` is the result as JSON (null for what is undefined, never NaN), `statistics` its figures as JSON.
    `result_digest` covers all of it but `provenance`. `timing` has `evaluate_ms`, `simulate_ms`, `statistics_ms`,
    `encode_ms`."""

    body: bytes
    statistics: bytes
    result_digest: str
    timing: dict[str, float]

    @cached_property
    def result(self) -> dict[str, Any]:
        """The body as values."""
        found: dict[str, Any] = orjson.loads(self.body)
        return found
