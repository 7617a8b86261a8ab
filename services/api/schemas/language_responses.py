"""Shapes of answers about the strategy language: a checked expression."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Struct

from services.api.schemas.field_types import Count
from services.api.schemas.responses import ProblemItem
from shared.language.tree import TreeNode
from shared.model.request import about


class CheckedExpression(Struct, kw_only=True):
    """An expression that was checked; without an error it may be sent in a request as it is."""

    ok: Annotated[bool, about("Whether there is no error.")]
    place: Annotated[str, about("Place in the strategy that it was checked for.")]
    text: Annotated[str, about("Text that was checked; of a tree its canonical text.")]
    canonical: Annotated[str | None, about("Canonical text, which results and digests contain; null with an error.")]
    type: Annotated[Literal["condition", "number"] | None, about("What it is; null with an error.")]
    tree: Annotated[TreeNode | None, about("Its tree; null with an error of syntax.")]
    reads: Annotated[list[str], about("Names of factors, price fields and index series that it reads.")]
    nodes: Annotated[Count | None, about("Size, which counts in the cost of a backtest; null with an error.", "nodes")]
    lookback_rows: Annotated[
        Count | None, about("Rows before a row that its value reads; null with an error, or all rows.", "rows")
    ]
    errors: Annotated[list[ProblemItem], about("Every mistake, with line, column and suggestions.")]
