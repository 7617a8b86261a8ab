"""Every error that a caller may meet; each says what is wrong, where, and what to do."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One mistake: `path` names the place in the request (`strategy.buy.where`), `message` the mistake and its remedy.

    `line` and `column` (1-based) and `suggestions` are set for expressions.
    """

    path: str
    message: str
    line: int | None = None
    column: int | None = None
    suggestions: tuple[str, ...] = ()
    code: str | None = None
    """Stable word of the kind of problem, where programs need one (`factor_absent`, `benchmark_absent`)."""

    def as_dict(self) -> dict[str, object]:
        """The shape of `errors[]` in a problem document; absent positions are left out."""
        found: dict[str, object] = {"path": self.path, "message": self.message}
        if self.line is not None:
            found["line"] = self.line
        if self.column is not None:
            found["column"] = self.column
        if self.suggestions:
            found["suggestions"] = list(self.suggestions)
        if self.code is not None:
            found["code"] = self.code
        return found


class OndolError(Exception):
    """The base of all expected errors; `str(error)` is one clear sentence with the remedy."""


@dataclass
class RequestError(OndolError):
    """A request that cannot be accepted (HTTP 422): all its mistakes at once."""

    problems: list[Problem] = field(default_factory=list)
    title: str = "Invalid request"

    def __str__(self) -> str:
        return self.title + ": " + "; ".join(f"{p.path}: {p.message}" if p.path else p.message for p in self.problems)


class RunError(OndolError):
    """An accepted backtest that cannot end with a result: `kind` is a stable word, `problems` name the places."""

    def __init__(self, kind: str, detail: str, problems: tuple[Problem, ...] = ()) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
        self.problems = problems


class CancelledRunError(OndolError):
    """The run was cancelled by its owner; nothing is stored."""


class LoadError(OndolError):
    """A market directory that cannot be loaded: file, row and reason; nothing was changed."""


class DatasetError(OndolError):
    """Dataset bytes that are missing or not what their name says."""


class ChunkMissingError(DatasetError):
    """A chunk that no tier within reach holds; the preparer must be asked."""

    def __init__(self, missing: tuple[str, ...]) -> None:
        super().__init__(f"{len(missing)} chunk parts are in no tier within reach")
        self.missing = missing


class UnavailableError(OndolError):
    """A dependency does not answer in time (HTTP 503)."""


class SetupError(OndolError):
    """The environment is not usable (settings, port, home, servers); the message names the remedy."""
