"""Recording of trials in the ledger, in one transaction with what they came from.

A trial counts once for a line: the row of its digest is inserted by the first who records it. Sums are exact, so that
they do not depend on the order. A line has the weekly returns of at most about `MAX_KEPT` trials.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, Literal

from shared.contracts.research import LEDGER_SAMPLE
from shared.infra import metrics
from shared.infra.database.sql import statements

SQL = statements("research")
MAX_KEPT: Final = 1_300
"""Kept returns above which those that are not of the sample are dropped."""
MAX_LINES: Final = 1_000
"""Research lines of an owner."""
MAX_TRIALS: Final = 5_000_000
"""Trials of a line, about 100 bytes each, above which no further ones are accepted."""

Connection = Any
"""An asyncpg connection."""
Kind = Literal["backtest", "sweep", "walk_forward", "factor_report", "factor_matrix", "robustness"]


@dataclass(frozen=True, kw_only=True)
class Source:
    """What evaluated trials; id None: it is not stored."""

    kind: Kind
    id: uuid.UUID | None


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A trial: its digest, score, what packs its returns (None: none), and the variant that it was (None: none).

    factor, horizon: canonical text and rows of the portfolio of a factor; None for a backtest.
    """

    digest: int
    score: int | None
    pack: Callable[[], bytes | None]
    variant: int | None
    factor: str | None = None
    horizon: int | None = None


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """Numbers of recorded runs: trials that the line did not have, and those that it had."""

    new: int
    repeated: int

    def count(self) -> None:
        """Add them to the metrics, once the transaction is committed."""
        metrics.RESEARCH_TRIALS.labels("new").inc(self.new)
        metrics.RESEARCH_TRIALS.labels("repeated").inc(self.repeated)


async def record_trials(
    connection: Connection, owner: str, name: str, source: Source, entries: Sequence[Entry]
) -> Recorded:  # fmt: skip
    """Add trials to a line within the transaction of the connection; those that it has change only `evaluations`."""
    if not entries:
        return Recorded(new=0, repeated=0)
    line = await connection.fetchrow(SQL["lock_line"], owner, name)
    if line is None:
        await connection.execute(SQL["insert_line"], owner, name)
        line = await connection.fetchrow(SQL["lock_line"], owner, name)
    first: dict[int, Entry] = {}
    for entry in entries:
        first.setdefault(entry.digest, entry)
    ordered = [first[digest] for digest in sorted(first)]
    returns = [entry.pack() if entry.digest <= line["threshold"] else None for entry in ordered]
    rows = await connection.fetch(
        SQL["insert_trials"], line["id"], [entry.digest for entry in ordered], [entry.score for entry in ordered],
        returns,
    )  # fmt: skip
    new = {row["digest"] for row in rows}
    added = [entry for entry in ordered if entry.digest in new]
    scores = [entry.score for entry in added if entry.score is not None]
    kept = sum(packed is not None and entry.digest in new for entry, packed in zip(ordered, returns, strict=True))
    await connection.execute(
        SQL["add_trials"], line["id"], len(entries), len(added), len(scores), Decimal(sum(scores)),
        Decimal(sum(score * score for score in scores)), kept,
    )  # fmt: skip
    await _raise_best(connection, line, source, added)
    if line["kept"] + kept > MAX_KEPT:
        threshold = await connection.fetchval(SQL["select_threshold"], line["id"], LEDGER_SAMPLE)
        await connection.execute(SQL["drop_returns"], line["id"], threshold)
    return Recorded(new=len(added), repeated=len(entries) - len(added))


async def _raise_best(
    connection: Connection, line: Any, source: Source, added: Sequence[Entry]
) -> None:  # fmt: skip
    """Make the best of new trials that of the line when its score is greater, or equal and its digest smaller."""
    scored = [(entry.score, -entry.digest, entry) for entry in added if entry.score is not None]
    if not scored:
        return
    score, negated, best = max(scored, key=lambda found: found[:2])
    if line["best_score"] is not None and (line["best_score"], -line["best_digest"]) >= (score, negated):
        return
    await connection.execute(
        SQL["set_best"], line["id"], best.score, best.digest, best.pack(), source.kind, source.id, best.variant,
        best.factor, best.horizon,
    )  # fmt: skip
