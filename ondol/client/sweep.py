"""Sweeps: the body of `POST /v1/sweeps`, and the sweep that a client works with."""

from __future__ import annotations

import io
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any, Final, Literal
from urllib.parse import quote

from ondol.client import queries
from ondol.client.request import Day, RequestFields, StrategyLike, day_text, plain_options
from ondol.client.result import AsyncResult, Result
from ondol.client.strategy import Strategy, plain, refuse
from shared.errors import Problem
from shared.messages import say

if TYPE_CHECKING:
    import polars as pl

    from ondol.client.async_client import AsyncClient
    from ondol.client.sync_client import Client
    from shared.infra.api_client.client import ApiClient

Method = Literal["grid", "random", "lhs", "sobol", "tpe"]
ENDS: Final = ("completed", "failed", "cancelled")
PARTS: Final = ("buy", "sell", "portfolio", "universe")
"""Parts of a strategy, which the name of a parameter may begin with."""


class SweepFields(RequestFields, total=False):
    """Fields of a sweep besides its strategy, window and parameters; those of a backtest as well."""

    constraints: Collection[str]
    method: Method
    runs: int | None
    seed: int
    batch: int
    maximize: str | None
    minimize: str | None
    where: str | None
    returns: Literal["weekly", "none"]
    holdout: Day | None


SEARCH: Final = ("method", "runs", "seed", "batch")
OBJECTIVE: Final = ("maximize", "minimize", "where")
OWN: Final = frozenset({*SEARCH, *OBJECTIVE, "constraints", "research", "returns", "holdout"})


def sweep_body(
    strategy: StrategyLike, start: Day, end: Day, parameters: Mapping[str, Any], fields: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the body of a sweep; raise InvalidRequest for a parameter whose place does not exist."""
    own = {name: value for name, value in fields.items() if name in OWN}
    options = plain_options({name: value for name, value in fields.items() if name not in own})
    spelled: Any = strategy.to_dict() if isinstance(strategy, Strategy) else plain(strategy)
    template: dict[str, Any] = {"strategy": spelled, "start": day_text(start), "end": day_text(end), **options}
    body: dict[str, Any] = {"template": template, "parameters": {}}
    for name, values in parameters.items():
        body["parameters"][place_parameter(template, name)] = values_of(values)
    groups = {"search": SEARCH, "objective": OBJECTIVE}
    for group, names in groups.items():
        found = {name: plain(own[name]) for name in names if own.get(name) is not None}
        if found:
            body[group] = found
    if own.get("constraints"):
        body["constraints"] = list(own["constraints"])
    if own.get("research") is not None:
        body["research"] = own["research"]
    if own.get("returns") is not None:
        body["keep"] = {"returns": own["returns"]}
    if own.get("holdout") is not None:
        body["holdout"] = {"from": day_text(own["holdout"])}
    return body


def place_parameter(template: dict[str, Any], name: str) -> str:
    """Return the name of a parameter; put one that is a path (`sell.stop_loss_pct`) at that place of the template."""
    if "." not in name:
        return name
    *above, last = [*(["strategy"] if name.split(".", 1)[0] in PARTS else []), *name.split(".")]
    at: Any = template
    for part in above:
        below = at.get(part)
        if part == "strategy" and isinstance(below, str):
            below = {"id": below}
        if below is None:
            below = {}
        if not isinstance(below, dict):
            refuse([Problem(path=f"parameters.{name}", message=say("sweep_place_not_object", name=part))])
        at[part] = at = dict(below)
    at[last] = f"${last}"
    return last


def values_of(values: Any) -> dict[str, Any]:
    """Return the declaration of a parameter: a mapping as it is, anything else as a list of values."""
    if isinstance(values, Mapping):
        return dict(plain(values))
    if isinstance(values, str | int | float | bool) or values is None:
        return {"values": [values]}
    return {"values": [plain(value) for value in values]}


async def start(
    api: ApiClient, body: Mapping[str, Any], *, dry_run: bool = False, resource: str = "sweeps"
) -> dict[str, Any]:
    """Submit a sweep or walk-forward, or quote it."""
    import uuid

    found: dict[str, Any] = await api.call(
        "POST", f"/v1/{resource}", body=body, query={"dry_run": "true"} if dry_run else None,
        headers={} if dry_run else {"Idempotency-Key": uuid.uuid4().hex}, repeatable=True,
    )  # fmt: skip
    return found


async def ended(
    api: ApiClient,
    document: Mapping[str, Any],
    on_progress: Callable[[Mapping[str, Any]], None] | None,
    resource: str = "sweeps",
) -> dict[str, Any]:
    """Return the document of a sweep or walk-forward at its end; follow its events until then."""
    path = sweep_path(str(document["id"]), resource)
    if document["status"] not in ENDS:
        done = 0
        async for event in api.events(f"{path}/events", ends=ENDS):
            if event.kind != "part" or on_progress is None:
                continue
            done += event.data["variants"]
            on_progress({"status": "running", "progress": min(1.0, done / max(document["variants"], 1))})
    found: dict[str, Any] = await api.call("GET", path)
    return found


def sweep_path(identity: str, resource: str = "sweeps") -> str:
    """Return the path of a sweep or walk-forward."""
    return f"/v1/{resource}/{quote(identity, safe='')}"


async def read_table(api: ApiClient, resource: str, query: Mapping[str, Any]) -> pl.DataFrame:
    """Return the table below a sweep or a window of a walk-forward."""
    import polars as pl

    body = await api.download(f"{resource}/table", query={**query, "format": "parquet"})
    return pl.read_parquet(io.BytesIO(body))


async def read_heatmap(api: ApiClient, identity: str, query: Mapping[str, Any]) -> pl.DataFrame:
    """Return a heat map: a column of the values of y, then a column for each value of x."""
    import polars as pl

    found = await api.call("GET", f"{sweep_path(identity)}/heatmap", query=query)
    columns: dict[str, list[Any]] = {found["y"]["parameter"]: found["y"]["values"]}
    for x, value in enumerate(found["x"]["values"]):
        columns[str(value)] = [row[x] for row in found["cells"]]
    return pl.DataFrame(columns, strict=False)


async def read_variant(api: ApiClient, identity: str, variant: int) -> dict[str, Any]:
    """Run a variant of a sweep as a backtest, wait for its end and return its document."""
    document = await api.call("GET", f"{sweep_path(identity)}/variants/{variant}", query=queries.COLUMNS)
    return await api.ended(document, query=queries.COLUMNS)


async def read_holdout(api: ApiClient, identity: str, variant: int) -> dict[str, Any]:
    """Open the holdout for a variant and return its backtest."""
    opened = await api.call("POST", f"{sweep_path(identity)}/holdout", body={"variant": variant})
    return await queries.result(api, opened["backtest"], timeout_s=None, on_progress=None)


class SweepData:
    """What is known of a sweep: its id, state and best variants; `document` is the API's own."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document = dict(document)
        self.id = str(document["id"])

    @property
    def status(self) -> str:
        """queued, running, completed or cancelled."""
        return str(self.document["status"])

    @property
    def best(self) -> pl.DataFrame:
        """The best variants, at most 10, the best first: variant, parameters, statistics."""
        import polars as pl

        rows = [
            {"variant": row["variant"], **row["values"], **(row["statistics"] or {})} for row in self.document["best"]
        ]
        return pl.DataFrame(rows, infer_schema_length=None, strict=False)

    @property
    def deflated(self) -> dict[str, Any] | None:
        """Statistics of the best variant, corrected for the trials of its line; None without one or before the end."""
        found: dict[str, Any] | None = self.document["deflated"]
        return found

    def __repr__(self) -> str:
        found = self.document
        failed = f", {found['failed']:,} failed" if found["failed"] else ""
        counts = f"{found['done']:,} of {found['variants']:,} variants{failed}"
        return f"<{type(self).__name__} {self.id} {found['method']} {self.status}: {counts}>"


def table_query(sort: str, where: str | None, limit: int | None) -> dict[str, Any]:
    """Return the query of `GET /v1/sweeps/{id}/table`; limit: rows at most, None for all."""
    return {"sort": sort, "where": where, "limit": limit}


class Sweep(SweepData):
    """A sweep of a `Client`."""

    def __init__(self, document: Mapping[str, Any], client: Client) -> None:
        super().__init__(document)
        self._client = client

    def table(self, *, sort: str = "variant", where: str | None = None, limit: int | None = None) -> pl.DataFrame:
        """Return the variants: number, status, `$parameters`, statistics.

        sort: variant, score (the best first), a statistic or a `$parameter`, with - the greatest first. where: a
        condition on these.
        """
        query = table_query(sort, where, limit)
        return self._client._run(lambda api: read_table(api, sweep_path(self.id), query))

    def heatmap(
        self, x: str, y: str, value: str | None = None, reduce: Literal["median", "max", "min", "count"] = "median"
    ) -> pl.DataFrame:
        """Return a statistic over two parameters, the others reduced: a row for each value of y."""
        query = {"x": x, "y": y, "value": value, "reduce": reduce}
        return self._client._run(lambda api: read_heatmap(api, self.id, query))

    def variant(self, number: int) -> Result:
        """Return a variant as a plain backtest with its whole result."""
        return Result(self._client._run(lambda api: read_variant(api, self.id, number)), self._client)

    def holdout(self, variant: int) -> Result:
        """Open the holdout for one variant, which is possible once, and return its backtest."""
        return Result(self._client._run(lambda api: read_holdout(api, self.id, variant)), self._client)

    def cancel(self) -> None:
        """Cancel the sweep; the variants that have been run stay readable."""
        self._client._run(lambda api: api.call("DELETE", sweep_path(self.id)))

    def refresh(self) -> Sweep:
        """Read the state again."""
        self.document = self._client._run(lambda api: api.call("GET", sweep_path(self.id)))
        return self


class AsyncSweep(SweepData):
    """A sweep of an `AsyncClient`; what asks the API is awaited."""

    def __init__(self, document: Mapping[str, Any], client: AsyncClient) -> None:
        super().__init__(document)
        self._client = client

    async def table(self, *, sort: str = "variant", where: str | None = None, limit: int | None = None) -> pl.DataFrame:
        """Return the variants: number, status, `$parameters`, statistics."""
        return await read_table(self._client._api(), sweep_path(self.id), table_query(sort, where, limit))

    async def heatmap(
        self, x: str, y: str, value: str | None = None, reduce: Literal["median", "max", "min", "count"] = "median"
    ) -> pl.DataFrame:
        """Return a statistic over two parameters, the others reduced: a row for each value of y."""
        query = {"x": x, "y": y, "value": value, "reduce": reduce}
        return await read_heatmap(self._client._api(), self.id, query)

    async def variant(self, number: int) -> AsyncResult:
        """Return a variant as a plain backtest with its whole result."""
        return AsyncResult(await read_variant(self._client._api(), self.id, number), self._client)

    async def holdout(self, variant: int) -> AsyncResult:
        """Open the holdout for one variant, which is possible once, and return its backtest."""
        return AsyncResult(await read_holdout(self._client._api(), self.id, variant), self._client)

    async def cancel(self) -> None:
        """Cancel the sweep; the variants that have been run stay readable."""
        await self._client._api().call("DELETE", sweep_path(self.id))

    async def refresh(self) -> AsyncSweep:
        """Read the state again."""
        self.document = await self._client._api().call("GET", sweep_path(self.id))
        return self
