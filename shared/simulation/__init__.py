"""The backtest engine: a canonical request and a dataset version in, a result out."""

from __future__ import annotations

from shared.simulation.engine import ENGINE_VERSION, run
from shared.simulation.explain import explain, why_not
from shared.simulation.lookahead_audit import audit
from shared.simulation.plan import Plan, dataset_problems, plan, reads
from shared.simulation.result.outcome import Outcome
from shared.simulation.result.tables import digest_of
from shared.simulation.validation import canonical_request, request_of

__all__ = [
    "ENGINE_VERSION",
    "Outcome",
    "Plan",
    "audit",
    "canonical_request",
    "dataset_problems",
    "digest_of",
    "explain",
    "plan",
    "reads",
    "request_of",
    "run",
    "why_not",
]
