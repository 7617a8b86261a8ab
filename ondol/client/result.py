"""The result of a backtest as frames, charts and a page; it asks the API for what was not sent with it."""

from __future__ import annotations

import pathlib
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ondol.client import queries
from ondol.client.answers import (
    Audit,
    Explanation,
    Holdings,
    Replay,
    ResultWarning,
    Robustness,
    Statistics,
    warnings_in,
)
from ondol.client.frames import frame
from ondol.client.request import Day

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    from matplotlib.figure import Figure

    from ondol.client.async_client import AsyncClient
    from ondol.client.sync_client import Client


class ResultData:
    """A completed backtest: `id`, `request`, figures, and its tables as polars frames (`.to_pandas()` converts one)."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document = dict(document)
        self.id: str = document["id"]
        self.request: dict[str, Any] = document["request"]
        self._result: dict[str, Any] = document["result"]

    @property
    def name(self) -> str:
        """The name of the backtest, else the id of its strategy, else its condition."""
        named = self.document.get("name") or self.document.get("strategy_id")
        return str(named or self.request["strategy"]["buy"].get("where") or "every stock of the universe")

    @property
    def cached(self) -> bool:
        """Whether a stored result answered the request."""
        return bool(self.document.get("cached"))

    @property
    def provenance(self) -> dict[str, Any]:
        """Versions of dataset, engine and rules, and the digests of request and result."""
        found: dict[str, Any] = self._result["provenance"]
        return found

    @cached_property
    def statistics(self) -> Statistics:
        """Figures: `result.statistics.sharpe`; [definitions](simulation.md#statistics)."""
        return Statistics(self._result["statistics"])

    @cached_property
    def warnings(self) -> tuple[ResultWarning, ...]:
        """What must be known before the figures are trusted."""
        return warnings_in(self._result)

    @property
    def deflated(self) -> dict[str, Any] | None:
        """Statistics corrected for the trials of its line (`dsr`, `sr0_annual`, `trials`, …); None without a line."""
        found: dict[str, Any] | None = self.document.get("deflated")
        return found

    @property
    def unfilled(self) -> dict[str, int]:
        """Number of orders that could not be filled, by reason."""
        return dict(self._result.get("unfilled") or {})

    @cached_property
    def equity(self) -> pl.DataFrame:
        """date, equity, cash, positions, daily_return, drawdown, benchmark: a row for each day."""
        return self._table("equity")

    @cached_property
    def trades(self) -> pl.DataFrame:
        """date, stock_code, name, side, shares, price, commission, tax, reason: a row for each fill."""
        return self._table("trades")

    @cached_property
    def round_trips(self) -> pl.DataFrame:
        """Closed positions with entry, exit, gain and return."""
        return self._table("round_trips")

    @cached_property
    def open_positions(self) -> pl.DataFrame:
        """Positions that are held on the last day."""
        return self._table("open_positions")

    @cached_property
    def monthly_returns(self) -> pl.DataFrame:
        """month (YYYY-MM), return."""
        return self._table("monthly_returns")

    @cached_property
    def yearly_returns(self) -> pl.DataFrame:
        """year, return."""
        return self._table("yearly_returns")

    @cached_property
    def corporate_actions(self) -> pl.DataFrame:
        """Splits and dividends of the positions."""
        return self._table("corporate_actions")

    def returns(self) -> pd.Series[float]:
        """Return the daily returns as a pandas series by day, as quantstats, pyfolio and empyrical expect them."""
        from ondol.client.interop import daily_returns

        return daily_returns(self.equity, "equity", self.request["initial_cash"], "strategy")

    def benchmark_returns(self) -> pd.Series[float] | None:
        """Return the daily returns of the benchmark like `returns()`; None without a benchmark."""
        from ondol.client.interop import daily_returns

        if self.equity["benchmark"].null_count() == self.equity.height:
            return None
        return daily_returns(self.equity, "benchmark", self.request["initial_cash"], str(self.request["benchmark"]))

    def transactions(self) -> pd.DataFrame:
        """Return the fills as pyfolio expects transactions: amount (negative: sold), price and symbol by moment."""
        from ondol.client.interop import transactions

        return transactions(self.trades)

    def plot(self) -> Figure:
        """Return a matplotlib figure of equity, benchmark and drawdown (`pip install ondol[plot]`)."""
        from ondol.client.plot import figure

        return figure(self)

    def to_html(self, path: str | pathlib.Path | None = None) -> str:
        """Return the report as one self-contained page, and write it to `path` when given."""
        from ondol.client.report.page import page

        text = page(self)
        if path is not None:
            pathlib.Path(path).write_text(text, encoding="utf-8")
        return text

    def _repr_html_(self) -> str:
        from ondol.client.report.page import fragment

        return fragment(self)

    def __repr__(self) -> str:
        figures = self.statistics
        shown = [f"{figures['total_return']:+.2%}"]
        if figures.get("benchmark_total_return") is not None:
            shown.append(f"benchmark {figures['benchmark_total_return']:+.2%}")
        shown.append(f"drawdown {figures['max_drawdown']:.2%}")
        count = len(self.warnings)
        noted = f", {count} {'warning' if count == 1 else 'warnings'}" if count else ""
        days = f"{self.request['start']} to {self.request['end']}"
        kind = type(self).__name__
        return f"<{kind} {self.id} {self.name!r} {days}: {', '.join(shown)}, {figures['trades']:,} trades{noted}>"

    def _table(self, name: str) -> pl.DataFrame:
        return frame(self._result.get(name) or (), name)


class Result(ResultData):
    """A completed backtest of a `Client`."""

    def __init__(self, document: Mapping[str, Any], client: Client) -> None:
        super().__init__(document)
        self._client = client

    def holdings(self, date: Day) -> Holdings:
        """Return the positions on the evening of a day of the window."""
        return self._client._run(lambda api: queries.holdings(api, self.id, date))

    def explain(self) -> Explanation:
        """Return why each trade was made."""
        return self._client._run(lambda api: queries.explain(api, self.id))

    def why_not(self, stock_code: str, date: Day) -> dict[str, Any]:
        """Return why a stock was not bought on a day: `outcome`, `message`, and the parts of the condition."""
        return self._client._run(lambda api: queries.why_not(api, self.id, stock_code, date))

    def audit(self, *, cuts: int | None = None, seed: int | None = None) -> Audit:
        """Run the look-ahead audit: reruns on data that end on random days."""
        return self._client._run(lambda api: queries.audit(api, self.id, cuts, seed))

    def robustness(
        self, *, random_draws: int | None = None, noise_draws: int | None = None, seed: int | None = None
    ) -> Robustness:
        """Run it with changes that should not matter, and with random selections (default 1,000)."""
        options = {"random_draws": random_draws, "noise_draws": noise_draws, "seed": seed}
        return self._client._run(lambda api: queries.robustness(api, self.id, options))

    def replay(self) -> Replay:
        """Run the backtest again on its dataset and compare the results."""
        return self._client._run(lambda api: queries.replay(api, self.id))


class AsyncResult(ResultData):
    """A completed backtest of an `AsyncClient`; what asks the API is awaited."""

    def __init__(self, document: Mapping[str, Any], client: AsyncClient) -> None:
        super().__init__(document)
        self._client = client

    async def holdings(self, date: Day) -> Holdings:
        """Return the positions on the evening of a day of the window."""
        return await queries.holdings(self._client._api(), self.id, date)

    async def explain(self) -> Explanation:
        """Return why each trade was made."""
        return await queries.explain(self._client._api(), self.id)

    async def why_not(self, stock_code: str, date: Day) -> dict[str, Any]:
        """Return why a stock was not bought on a day: `outcome`, `message`, and the parts of the condition."""
        return await queries.why_not(self._client._api(), self.id, stock_code, date)

    async def audit(self, *, cuts: int | None = None, seed: int | None = None) -> Audit:
        """Run the look-ahead audit: reruns on data that end on random days."""
        return await queries.audit(self._client._api(), self.id, cuts, seed)

    async def robustness(
        self, *, random_draws: int | None = None, noise_draws: int | None = None, seed: int | None = None
    ) -> Robustness:
        """Run it with changes that should not matter, and with random selections (default 1,000)."""
        options = {"random_draws": random_draws, "noise_draws": noise_draws, "seed": seed}
        return await queries.robustness(self._client._api(), self.id, options)

    async def replay(self) -> Replay:
        """Run the backtest again on its dataset and compare the results."""
        return await queries.replay(self._client._api(), self.id)
