"""Walk-forwards: the body of `POST /v1/walk-forwards`, and the walk-forward that a client works with."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Literal

from ondol.client import queries
from ondol.client.answers import ResultWarning, Statistics, warnings_in
from ondol.client.frames import frame
from ondol.client.request import Day, RequestFields, StrategyLike
from ondol.client.result import AsyncResult, Result
from ondol.client.sweep import ended, read_table, start, sweep_body, sweep_path, table_query

if TYPE_CHECKING:
    import polars as pl

    from ondol.client.async_client import AsyncClient
    from ondol.client.sync_client import Client
    from shared.infra.api_client.client import ApiClient

RESOURCE: Final = "walk-forwards"


class WalkForwardFields(RequestFields, total=False):
    """Fields of a walk-forward besides its strategy, days, parameters, train and test."""

    step: str | None
    anchored: bool
    gap_rows: int
    choose: Literal["best", "plateau"]
    carry: Literal["positions", "cash"]
    constraints: Collection[str]
    method: Literal["grid", "random", "lhs", "sobol"]
    runs: int | None
    seed: int
    maximize: str | None
    minimize: str | None
    where: str | None
    holdout: Day | None


WINDOWS: Final = ("train", "test", "step", "anchored", "gap_rows")
OWN: Final = ("choose", "carry")


def walk_forward_body(
    strategy: StrategyLike, start: Day, end: Day, parameters: Mapping[str, Any], fields: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the body of a walk-forward; raise InvalidRequest for a parameter whose place does not exist."""
    own = {*WINDOWS, *OWN}
    body = sweep_body(strategy, start, end, parameters, {k: v for k, v in fields.items() if k not in own})
    body["windows"] = {name: fields[name] for name in WINDOWS if fields.get(name) is not None}
    return body | {name: fields[name] for name in OWN if fields.get(name) is not None}


async def run(
    api: ApiClient,
    body: Mapping[str, Any],
    on_progress: Callable[[Mapping[str, Any]], None] | None,
    *,
    wait: bool,
) -> dict[str, Any]:
    """Submit a walk-forward; with `wait` return it at its end, with its result."""
    document = await start(api, body, resource=RESOURCE)
    if wait:
        document = await ended(api, document, on_progress, RESOURCE)
    return await _with_result(api, document)


async def read(api: ApiClient, identity: str) -> dict[str, Any]:
    """Return a walk-forward with its result, when it has one."""
    return await _with_result(api, await api.call("GET", sweep_path(identity, RESOURCE)))


async def _with_result(api: ApiClient, document: dict[str, Any]) -> dict[str, Any]:
    if document["status"] != "completed":
        return document
    return {**document, "result": await api.call("GET", f"{sweep_path(document['id'], RESOURCE)}/result")}


async def read_holdout(api: ApiClient, identity: str) -> dict[str, Any]:
    """Open the holdout and return its backtest."""
    opened = await api.call("POST", f"{sweep_path(identity, RESOURCE)}/holdout")
    return await queries.result(api, opened["backtest"], timeout_s=None, on_progress=None)


class WalkForwardData:
    """A walk-forward: windows, the account over all test days, the values to trade next; `document` is the API's."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document = dict(document)
        self.id = str(document["id"])

    @property
    def status(self) -> str:
        """queued, running, completed, failed or cancelled."""
        return str(self.document["status"])

    @property
    def error(self) -> str | None:
        """Why it failed; None: it has not."""
        found = self.document["error"]
        return None if found is None else str(found["detail"])

    @property
    def windows(self) -> pl.DataFrame:
        """A row for each window: days, chosen values, objective over train and test, rank out of sample."""
        import polars as pl

        rows = []
        for window in self.document["windows"]:
            objective, rank = window["objective"] or {}, window["rank"] or {}
            rows.append(
                {
                    "window": window["window"],
                    **{f"{kind}_{end}": window[kind][end] for kind in ("train", "test") for end in ("first", "last")},
                    "variant": window["variant"], **(window["values"] or {}), "train": objective.get("train"),
                    "test": objective.get("test"), "rank": rank.get("rank"), "of": rank.get("of"),
                }
            )  # fmt: skip
        return pl.DataFrame(rows, infer_schema_length=None, strict=False)

    @property
    def stitched(self) -> dict[str, Any] | None:
        """t, bootstrap intervals, efficiency, ranks of the account over all test days; None until it is completed."""
        found: dict[str, Any] | None = self.document["stitched"]
        return found

    @property
    def next(self) -> dict[str, Any] | None:
        """Values and strategy to trade after the last day; None: nothing could be chosen."""
        found: dict[str, Any] | None = self.document["next"]
        return found

    @property
    def deflated(self) -> dict[str, Any] | None:
        """Statistics of the account corrected for the trials of its research line; None without line or account."""
        found: dict[str, Any] | None = self.document["deflated"]
        return found

    @property
    def _result(self) -> dict[str, Any]:
        if "result" not in self.document:
            raise RuntimeError(f"the walk-forward has no result: it is {self.status}; wait for it with refresh()")
        found: dict[str, Any] = self.document["result"]
        return found

    @cached_property
    def statistics(self) -> Statistics:
        """Figures of the account over all test days."""
        return Statistics(self._result["statistics"])

    @cached_property
    def warnings(self) -> tuple[ResultWarning, ...]:
        """What must be known before the figures are trusted."""
        return warnings_in(self._result)

    @cached_property
    def equity(self) -> pl.DataFrame:
        """date, equity, cash, positions, daily_return, drawdown, benchmark: a row for each test day."""
        return frame(self._result["equity"], "equity")

    @cached_property
    def trades(self) -> pl.DataFrame:
        """date, stock_code, name, side, shares, price, commission, tax, reason: a row for each fill."""
        return frame(self._result["trades"], "trades")

    def __repr__(self) -> str:
        found = self.document
        return f"<{type(self).__name__} {self.id} {self.status}: {len(found['windows'])} windows>"


class WalkForward(WalkForwardData):
    """A walk-forward of a `Client`."""

    def __init__(self, document: Mapping[str, Any], client: Client) -> None:
        super().__init__(document)
        self._client = client

    def table(
        self, window: int | Literal["next"], of: Literal["train", "test"] = "train", *, sort: str = "variant",
        where: str | None = None, limit: int | None = None,
    ) -> pl.DataFrame:  # fmt: skip
        """Return all variants over the train or test of a window: number, status, `$parameters`, statistics."""
        path = f"{sweep_path(self.id, RESOURCE)}/windows/{window}"
        query = {**table_query(sort, where, limit), "of": of}
        return self._client._run(lambda api: read_table(api, path, query))

    def holdout(self) -> Result:
        """Run the values of `next` over the holdout, which is possible once, and return the backtest."""
        return Result(self._client._run(lambda api: read_holdout(api, self.id)), self._client)

    def cancel(self) -> None:
        """Cancel the walk-forward; the tables of what has been run stay readable."""
        self._client._run(lambda api: api.call("DELETE", sweep_path(self.id, RESOURCE)))

    def refresh(self) -> WalkForward:
        """Read the state again."""
        self.document = self._client._run(lambda api: read(api, self.id))
        return self


class AsyncWalkForward(WalkForwardData):
    """A walk-forward of an `AsyncClient`; what asks the API is awaited."""

    def __init__(self, document: Mapping[str, Any], client: AsyncClient) -> None:
        super().__init__(document)
        self._client = client

    async def table(
        self, window: int | Literal["next"], of: Literal["train", "test"] = "train", *, sort: str = "variant",
        where: str | None = None, limit: int | None = None,
    ) -> pl.DataFrame:  # fmt: skip
        """Return all variants over the train or test of a window: number, status, `$parameters`, statistics."""
        path = f"{sweep_path(self.id, RESOURCE)}/windows/{window}"
        return await read_table(self._client._api(), path, {**table_query(sort, where, limit), "of": of})

    async def holdout(self) -> AsyncResult:
        """Run the values of `next` over the holdout, which is possible once, and return the backtest."""
        return AsyncResult(await read_holdout(self._client._api(), self.id), self._client)

    async def cancel(self) -> None:
        """Cancel the walk-forward; the tables of what has been run stay readable."""
        await self._client._api().call("DELETE", sweep_path(self.id, RESOURCE))

    async def refresh(self) -> AsyncWalkForward:
        """Read the state again."""
        self.document = await read(self._client._api(), self.id)
        return self
