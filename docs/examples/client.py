"""The Python package against a running Ondol: run, read, compare, report, screen, and see a mistake explained.

    python docs/examples/client.py http://127.0.0.1:8000 [KEY]
"""

from __future__ import annotations

import datetime as dt
import sys

from ondol import Client, Strategy
from ondol.errors import InvalidRequest


def main(url: str | None = None, key: str | None = None) -> int:
    """Run two strategies over the last year of the data, side by side."""
    with Client(url, key=key) as client:
        dataset = client.dataset()
        last = dt.date.fromisoformat(dataset["last_day"])
        window = (max(dt.date.fromisoformat(dataset["first_day"]), last - dt.timedelta(days=365)), last)

        cheap = client.backtest(Strategy(buy="PER < 15", rank_by="ROE", max_positions=10), *window, commission_pct=0.015)
        surge = client.backtest("surge_stocks", *window)  # a strategy of the catalogue
        for name, result in (("cheap", cheap), ("surge", surge)):
            figures = result.statistics
            print(f"{name}: {figures.total_return:.2%} in {figures.trades} trades, drawdown {figures.max_drawdown:.2%}")
            for warning in result.warnings:
                print(f"  {warning}")
        print(client.compare([cheap, surge]).statistics.head(3))

        print(cheap.trades.head(3))  # polars frames; .to_pandas() converts one
        print(cheap.holdings(window[1]).frame.select("stock_code", "shares", "weight").head(3))
        print(cheap.explain().trades.select("date", "stock_code", "rule").head(3))
        print(f"no trade depends on later data: {cheap.audit(cuts=2).identical}")
        print(f"the report has {len(cheap.to_html()):,} characters")  # to_html("report.html") writes it

        picks = client.screen("PER < 15", rank_by="ROE", limit=3)
        for pick in picks.frame.iter_rows(named=True):
            print(f"pick {pick['rank']} of {picks.date}: {pick['name']}, ROE {pick['value']:.1f}")

        try:
            client.backtest(Strategy(buy="PER < 15 and RO > 3"), *window)
        except InvalidRequest as error:
            print(error, [mistake.suggestions for mistake in error.errors])
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
