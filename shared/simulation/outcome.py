"""What a run hands back: the result in the shape of the interface, its bytes, its digest, and how long it took."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """`result` is JSON-ready (None for what is undefined, never NaN); `body` is its JSON. `result_digest` covers
    all of it but `provenance`. `timing` has `evaluate_ms`, `simulate_ms`, `statistics_ms`, `encode_ms`."""

    result: dict[str, Any]
    body: bytes
    result_digest: str
    timing: dict[str, float]
