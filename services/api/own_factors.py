"""The factors that a caller has defined, and requests whose expressions name them.

A request without such names costs nothing: the definitions are read when an expression has an unknown name.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

import msgspec

from services.api.backtests.canonicalize import InvalidBodyError
from services.api.context import AppContext
from services.api.errors import ApiProblem, as_problem, invalid
from shared.errors import Problem, RequestError
from shared.infra.database.sql import statements
from shared.language.columns import Column, split_columns
from shared.language.own_names import Inlined, inline
from shared.strategies.catalogue import Entry

SQL = statements("factor")
MAX_FACTORS: Final = 500
"""Own factors of an owner."""
T = TypeVar("T")

UNKNOWN = "unknown_word"
STRATEGY_PLACES = (
    ("buy", "where"), ("buy", "rank_by"), ("sell", "where"), ("universe", "where"), ("portfolio", "when"),
)  # fmt: skip


@dataclass(frozen=True)
class Definitions:
    """Own names (in capitals -> canonical text); texts that were inlined are kept by their path, to place mistakes."""

    names: Mapping[str, str] = field(default_factory=dict)
    inlined: dict[str, list[Inlined]] = field(default_factory=dict)

    def text(self, text: str, *paths: str) -> str:
        """Return a text with its own names inlined; its mistakes have one of the `paths`."""
        if not self.names:
            return text
        found = inline(text, self.names)
        if found.parts:
            for path in paths:
                self.inlined.setdefault(path, []).append(found)
        return found.text

    def strategy(self, strategy: Any, *prefixes: str) -> Any:
        """Return a strategy object with the expressions inlined; what has another shape stays as it is."""
        if not self.names or not isinstance(strategy, Mapping):
            return strategy
        changed = dict(strategy)
        for part, name in STRATEGY_PLACES:
            fields = changed.get(part)
            if isinstance(fields, Mapping) and isinstance(text := fields.get(name), str):
                paths = [f"{prefix}{part}.{name}" for prefix in prefixes]
                changed[part] = {**fields, name: self.text(text, *paths)}
        return changed

    def body(self, body: Mapping[str, Any], *prefixes: str) -> dict[str, Any]:
        """Return a body with the expressions of its `strategy` inlined."""
        if "strategy" not in body:
            return dict(body)
        return {**body, "strategy": self.strategy(body["strategy"], *(f"{prefix}strategy." for prefix in prefixes))}

    def entries(self, own: Mapping[str, Entry]) -> Mapping[str, Entry]:
        """Return stored strategies with the expressions inlined."""
        if not self.names:
            return own
        return {
            name: msgspec.structs.replace(entry, strategy=self.strategy(entry.strategy)) for name, entry in own.items()
        }

    def restored(self, problems: Iterable[Problem]) -> list[Problem]:
        """Return mistakes at their places in the texts as they were written."""
        return [self.inlined[one.path][0].restored(one) if one.path in self.inlined else one for one in problems]


async def resolve(app: AppContext, owner: str, attempt: Callable[[Definitions], Awaitable[T]]) -> tuple[T, bool]:
    """Return what `attempt` makes, and whether it has the owner's definitions.

    It is called with no definitions first, and with those of the unknown names that it reports. Its error has every
    mistake at its place in the original text.
    """
    try:
        return await attempt(Definitions()), False
    except (ApiProblem, RequestError) as error:
        unknown = unknown_words(as_problem(error).errors)
        if not unknown:
            raise
        known = {row["key"]: row["canonical"] for row in await own_rows(app, owner)}
        definitions = Definitions({name: known[name] for name in unknown if name in known})
        if not definitions.names:
            raise
    try:
        return await attempt(definitions), True
    except InvalidBodyError as error:
        raise InvalidBodyError(definitions.restored(error.problems), error.rest) from None
    except RequestError as error:
        raise RequestError(definitions.restored(error.problems)) from None
    except ApiProblem as error:
        if not error.errors or error.document.get("code") != "invalid_request":
            raise
        raise invalid(definitions.restored(error.errors)) from None


def unknown_words(problems: Sequence[Problem]) -> frozenset[str]:
    """Return the unknown names among mistakes, in capitals."""
    return frozenset(str(one.params.get("name", "")).upper() for one in problems if one.code == UNKNOWN)


async def own_rows(app: AppContext, owner: str) -> list[Mapping[str, Any]]:
    """Return the newest version of each factor of an owner, by key."""
    async with app.database.connection() as connection:
        return list(await connection.fetch(SQL["select_own_factors"], owner))


async def read_own_columns(
    app: AppContext, owner: str, text: str, read: Callable[[str], tuple[Column, ...]]
) -> tuple[Column, ...]:
    """Return the columns that `read` makes of a text that may name factors of the owner.

    A column is named by its canonical text, in which own names are expressions.
    """

    async def attempt(names: Definitions) -> tuple[Column, ...]:
        return read(",".join(names.text(part) for part in split_columns(text)) if names.names else text)

    columns, _ = await resolve(app, owner, attempt)
    return columns
