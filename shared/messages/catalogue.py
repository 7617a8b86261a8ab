"""All messages by code, in the order of the reference page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from shared.messages import (
    answers,
    expressions,
    quality,
    requests,
    research,
    runs,
    sweeps,
    syntax,
    values,
    walk_forwards,
)
from shared.messages.message import MessageKind

SECTIONS: Mapping[str, Sequence[MessageKind]] = {
    "Values of a request": values.KINDS,
    "Requests as a whole": requests.KINDS,
    "Expressions: spelling and syntax": syntax.KINDS,
    "Expressions: names, types and scales": expressions.KINDS,
    "Backtests and queries that cannot have a result": runs.KINDS,
    "Sweeps": sweeps.KINDS,
    "Walk-forwards": walk_forwards.KINDS,
    "Research lines": research.KINDS,
    "Answers of the API": answers.KINDS,
    "Findings in loaded data": quality.KINDS,
}

KINDS: Mapping[str, MessageKind] = {kind.code: kind for kinds in SECTIONS.values() for kind in kinds}
"""Code -> declaration."""
