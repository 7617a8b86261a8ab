"""The tools of an assistant: each is a request to the API with a few figures as its answer."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from ondol.assistant import answers
from ondol.client import queries
from ondol.client.async_client import AsyncClient
from ondol.client.request import request_body
from ondol.client.result import ResultData
from ondol.client.strategy import PLACES, Strategy
from shared.infra.api_client.client import ApiClient
from shared.infra.api_client.errors import InvalidRequest, Mistake

Limit = Annotated[int, Field(ge=1, le=200, description="How many rows.")]
Place = Literal["buy.where", "buy.rank_by", "sell.where", "universe.where", "portfolio.when"]
Condition = Annotated[str | None, Field(description="A condition, such as PER < 10 and ROE > 10.")]
Day = Annotated[str, Field(description="YYYY-MM-DD.", pattern=r"^\d{4}-\d{2}-\d{2}$")]
Id = Annotated[str, Field(description="Id of a backtest, as run_backtest and list_backtests give it.")]


class Tools:
    """The tools over one client; mistakes raise the errors of `ondol.errors`."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client

    @property
    def _api(self) -> ApiClient:
        return self._client._api()

    async def describe_data(self) -> answers.Data:
        """Say which days the data have. Call this first: windows of backtests must lie within."""
        found = await self._client.dataset()
        return answers.Data(dataset=found["version"], first_day=found["first_day"], last_day=found["last_day"])

    async def list_factors(
        self,
        search: Annotated[str | None, Field(description="Part of a name (Korean, English) or key.")] = None,
    ) -> list[answers.FactorRow]:
        """List the factors that conditions and rankings may use, with unit and formula."""
        items = (await self._api.call("GET", "/v1/factors"))["items"]
        words = (search or "").casefold()
        fields = ("key", "name_ko", "name_en", "category")
        return [
            answers.FactorRow(**{name: item.get(name) for name in answers.FactorRow.model_fields})
            for item in items
            if any(words in str(item.get(name)).casefold() for name in fields)
        ]

    async def describe_language(
        self, search: Annotated[str | None, Field(description="Part of a word or of its meaning.")] = None
    ) -> list[answers.WordRow]:
        """List functions and fields of the strategy language with their meaning."""
        found = await self._client.language()
        rows = [
            answers.WordRow(
                name=str(item.get("signature") or item["name"]),
                kind=str(item.get("group") or item.get("kind") or ""),
                meaning=str(item["help_en"]),
            )
            for part in ("functions", "fields")
            for item in found[part]
        ]
        words = (search or "").casefold()
        return [row for row in rows if words in f"{row.name} {row.meaning}".casefold()]

    async def check_expression(self, text: str, place: Place = "buy.where") -> answers.Check:
        """Check an expression before it is used: its canonical text, or its mistakes with suggestions."""
        found = await self._client.check_expression(text, place)
        mistakes = [
            answers.Mistake(path=place, message=error.message, suggestions=list(error.suggestions))
            for error in found.errors
        ]
        return answers.Check(ok=found.ok, canonical=found.canonical, reads=list(found.reads), mistakes=mistakes)

    async def list_strategies(self) -> list[answers.StrategyRow]:
        """List the strategies of the catalogue, presets and stored ones; run_backtest takes their id as `base`."""
        rows = (await self._client.strategies()).to_dicts()
        return [answers.StrategyRow(**{name: row[name] for name in answers.StrategyRow.model_fields}) for row in rows]

    async def screen_stocks(
        self,
        *,
        where: Condition = None,
        strategy: Annotated[str | None, Field(description="Use condition and ranking of this strategy.")] = None,
        rank_by: Annotated[str | None, Field(description="What is ranked by; default MARKET_CAP.")] = None,
        order: Literal["asc", "desc"] | None = None,
        date: Annotated[str | None, Field(description="Day whose values are used; default: the last one.")] = None,
        limit: Limit = 20,
        markets: list[str] | None = None,
        sectors: list[str] | None = None,
    ) -> answers.ScreenAnswer:
        """List the stocks that pass a condition on a day, ranked."""
        found = await self._client.screen(
            where, strategy=strategy, rank_by=rank_by, order=order, date=date, limit=limit, markets=markets,
            sectors=sectors,
        )  # fmt: skip
        picks = [answers.Pick(**{n: row[n] for n in answers.Pick.model_fields}) for row in found.frame.to_dicts()]
        parts = [] if found.parts is None else [answers.ScreenPart(**row) for row in found.parts.to_dicts()]
        return answers.ScreenAnswer(
            date=found.date.isoformat(), universe=found.universe, parts=parts, total=found.total, picks=picks,
            warnings=[str(warning) for warning in found.warnings],
        )  # fmt: skip

    async def run_backtest(
        self,
        *,
        start: Day,
        end: Day,
        base: Annotated[str | None, Field(description="Id of a strategy; the other fields change it.")] = None,
        buy: Condition = None,
        rank_by: Annotated[str | None, Field(description="What is ranked by, the greatest first.")] = None,
        order: Literal["asc", "desc"] | None = None,
        sell: Annotated[str | None, Field(description="Condition on which a holding is sold.")] = None,
        take_profit_pct: float | None = None,
        stop_loss_pct: float | None = None,
        max_hold_days: int | None = None,
        max_positions: int | None = None,
        rebalance: Literal["daily", "weekly", "monthly", "quarterly"] | None = None,
        on_rebalance: Literal["hold", "rotate", "reweight"] | None = None,
        initial_cash: Annotated[float | None, Field(description="Won; default 100,000,000.")] = None,
        benchmark: Annotated[str | None, Field(description="KOSPI (default), KOSDAQ, market or equal.")] = None,
        more: Annotated[
            dict[str, Any] | None,
            Field(description="Further fields by their flat names: trailing_stop_pct, markets, commission_pct, …"),
        ] = None,
    ) -> answers.Figures:
        """Run a backtest over a window and return its figures and warnings. Equal requests give equal results."""
        given = {
            "buy": buy, "rank_by": rank_by, "order": order, "sell": sell, "take_profit_pct": take_profit_pct,
            "stop_loss_pct": stop_loss_pct, "max_hold_days": max_hold_days, "max_positions": max_positions,
            "rebalance": rebalance, "on_rebalance": on_rebalance, "initial_cash": initial_cash, "benchmark": benchmark,
        }  # fmt: skip
        fields = {name: value for name, value in given.items() if value is not None} | (more or {})
        own: Any = {name: value for name, value in fields.items() if name in PLACES}
        rest = {name: value for name, value in fields.items() if name not in PLACES}
        body = checked_body(base, own, start, end, rest)
        document = await queries.run(self._api, body, no_store=False, timeout_s=None, on_progress=None)
        return figures(ResultData(document))

    async def show_backtest(self, id: Id) -> answers.Figures:  # noqa: A002  the name that an assistant sees
        """Return figures and warnings of a backtest; wait when it has not ended."""
        return figures(await self._client.result(id))

    async def explain_trades(
        self,
        id: Id,  # noqa: A002
        stock_code: Annotated[str | None, Field(description="Only trades of this stock.")] = None,
        limit: Limit = 20,
    ) -> answers.TradesAnswer:
        """Explain trades of a backtest: rule, the row that decided, and the numbers behind the condition."""
        document = (await queries.explain(self._api, id)).document
        found = [t for t in document["trades"] if stock_code in (None, t["stock_code"])]
        rows = []
        for trade in found[:limit]:
            why = trade["why"]
            known = {name: trade[name] for name in ("date", "stock_code", "name", "side", "shares", "price", "reason")}
            values = why.get("values") or {}
            rows.append(
                answers.ExplainedTrade(**known, rule=why["rule"], decided_on=why.get("decided_on"), values=values)
            )
        return answers.TradesAnswer(total=len(found), trades=rows)

    async def explain_missing_trade(self, id: Id, stock_code: str, date: Day) -> dict[str, Any]:  # noqa: A002
        """Explain why a stock was not bought on a day: outcome, message, and the parts of universe and condition."""
        return await queries.why_not(self._api, id, stock_code, date)

    async def show_holdings(self, id: Id, date: Day) -> answers.HoldingsAnswer:  # noqa: A002
        """Return the positions of a backtest on the evening of a day."""
        found = await queries.holdings(self._api, id, date)
        names = answers.HoldingRow.model_fields
        rows = [
            answers.HoldingRow(**{n: row[n] for n in names} | {"entry_date": str(row["entry_date"])})
            for row in found.frame.to_dicts()
        ]
        return answers.HoldingsAnswer(date=str(found.date), equity=found.equity, cash=found.cash, holdings=rows)

    async def compare_backtests(
        self, ids: Annotated[list[str], Field(min_length=2, max_length=10, description="Ids of backtests.")]
    ) -> answers.ComparisonAnswer:
        """Compare the figures of several backtests; statistics are those of each whole window."""
        document = await self._api.call("POST", "/v1/compare", body={"ids": ids}, repeatable=True)
        rows = [
            answers.ComparedRow(
                id=item["id"], name=str(item.get("name") or item["strategy_id"] or ""), statistics=item["statistics"]
            )
            for item in document["items"]
        ]
        days = document["dates"]
        return answers.ComparisonAnswer(
            first_day=days[0] if days else None, last_day=days[-1] if days else None, backtests=rows
        )

    async def list_backtests(self, limit: Limit = 20) -> list[answers.BacktestRow]:
        """List the backtests of this key, the newest first."""
        rows = (await self._client.backtests(limit=limit)).to_dicts()
        return [
            answers.BacktestRow(
                id=row["id"], name=str(row["name"] or row["strategy_id"] or ""), status=row["status"],
                start=str(row["start"]), end=str(row["end"]), total_return=row["total_return"],
            )
            for row in rows
        ]  # fmt: skip


def checked_body(base: str | None, own: Any, start: str, end: str, rest: dict[str, Any]) -> dict[str, Any]:
    """Return the body of a request; raise InvalidRequest with the mistakes of strategy and options together."""
    mistakes: tuple[Mistake, ...] = ()
    strategy = Strategy()
    try:
        strategy = Strategy(base=base, **own)
    except InvalidRequest as error:
        mistakes = error.errors
    try:
        body = request_body(strategy, start, end, rest)
    except InvalidRequest as error:
        raise InvalidRequest.of((*mistakes, *error.errors)) from None
    if mistakes:
        raise InvalidRequest.of(mistakes)
    return body


def figures(result: ResultData) -> answers.Figures:
    """Return statistics, yearly returns and counts of a completed backtest, without its rows."""
    return answers.Figures(
        id=result.id,
        name=result.name,
        start=result.request["start"],
        end=result.request["end"],
        warnings=[str(warning) for warning in result.warnings],
        statistics=dict(result.statistics),
        benchmark=result.request.get("benchmark"),
        yearly_returns=dict(result.yearly_returns.select("year", "return").iter_rows()),
        unfilled=result.unfilled,
        open_positions=result.open_positions.height,
        dataset=result.provenance["dataset_version"],
        result_digest=result.provenance["result_digest"],
    )
