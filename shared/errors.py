"""The expected errors; each message says what is wrong, where, and what to do.

OndolError
  RequestError         a request that cannot be accepted (HTTP 422), with all its problems
  RunError             an accepted backtest that cannot have a result
  CancelledRunError    a run that was cancelled
  LoadError            a market directory that cannot be loaded
  DatasetError         dataset bytes that are missing or damaged
    ChunkMissingError  chunk parts that are in no cache tier
  UnavailableError     a dependency that does not answer (HTTP 503)
  SetupError           an environment that cannot be used
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from shared.messages.message import UNCLASSIFIED, Message


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One problem of a request: `path` is its location (`strategy.buy.where`), `message` the problem and its remedy.

    `line` and `column` (1-based) and `suggestions` are set for expressions.
    """

    path: str
    message: str
    line: int | None = None
    column: int | None = None
    suggestions: tuple[str, ...] = ()
    code: str = ""
    """Stable identifier of the kind of problem: that of the message, which is made with `shared.messages.say`."""
    params: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.code:
            code, params = identity_of(self.message)
            object.__setattr__(self, "code", code)
            object.__setattr__(self, "params", params)

    def as_dict(self) -> dict[str, object]:
        """Return the item of `errors[]` in a problem document, without absent positions."""
        found: dict[str, object] = {
            "path": self.path, "message": str(self.message), "code": self.code, "params": dict(self.params),
        }  # fmt: skip
        if self.line is not None:
            found["line"] = self.line
        if self.column is not None:
            found["column"] = self.column
        if self.suggestions:
            found["suggestions"] = list(self.suggestions)
        return found


def identity_of(message: str, code: str = UNCLASSIFIED) -> tuple[str, Mapping[str, Any]]:
    """Return code and parameters of a message; `code` and the text itself for one that was not made by `say`."""
    return (message.code, message.params) if isinstance(message, Message) else (code, {"message": message})


class OndolError(Exception):
    """Base of all expected errors; `str(error)` is one sentence with the remedy."""


@dataclass
class RequestError(OndolError):
    """A request that cannot be accepted (HTTP 422), with all its problems."""

    problems: list[Problem] = field(default_factory=list)
    title: str = "Invalid request"

    def __str__(self) -> str:
        return self.title + ": " + "; ".join(f"{p.path}: {p.message}" if p.path else p.message for p in self.problems)


RunErrorKind = Literal[
    "request_refused", "factor_absent", "benchmark_absent", "dataset_gone", "no_result", "no_window", "unknown_stock",
    "no_row", "no_ledger", "result_too_large",
]  # fmt: skip
"""Kinds of RunError; the problem document of a failed backtest has it as `code`."""


class RunError(OndolError):
    """An accepted backtest that cannot have a result; `kind` is a stable identifier, `problems` the locations.

    `detail` is a message of `shared.messages`.
    """

    def __init__(self, kind: RunErrorKind, detail: str, problems: tuple[Problem, ...] = ()) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
        self.problems = problems


class CancelledRunError(OndolError):
    """The run was cancelled; nothing is stored."""


class LoadError(OndolError):
    """A market directory that cannot be loaded: file, row and reason. Nothing was changed."""


class DatasetError(OndolError):
    """Dataset bytes that are missing, or do not match their content name."""


class ChunkMissingError(DatasetError):
    """Chunk parts that are in no cache tier; request them from the preparer."""

    def __init__(self, missing: tuple[str, ...]) -> None:
        super().__init__(f"{len(missing)} chunk parts are in no cache tier")
        self.missing = missing


class UnavailableError(OndolError):
    """A dependency does not answer in time (HTTP 503); made with a message of `shared.messages`."""


class SetupError(OndolError):
    """The environment cannot be used (settings, port, home, servers); the message names the remedy."""
