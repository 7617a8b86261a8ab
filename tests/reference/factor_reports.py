"""Factor reports by plain loops, a stock and a row at a time, from docs/reference/factor-reports.md."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from tests.reference import rules
from tests.reference.market import Market, Stock

LEAST = 30
Pairs = Sequence[tuple[float, float]]


def entry_state(market: Market, stock: Stock, row: int) -> str:
    """Return `entered`, or why the stock cannot be bought at the open after a row."""
    entry = row + 1
    if entry >= len(market.days):
        return "not_ended"
    if not stock.tradable(entry):
        return "halted"
    if stock.liquidation[entry]:
        return "liquidation"
    last = stock.last[row]
    if last is not None and stock.market[entry] in rules.KOREAN:
        _, upper = rules.limits(last / stock.split[entry], market.days[entry], stock.market[entry])
        opening = stock.cell(entry, "open")
        assert opening is not None
        if rules.at_least(opening, upper):
            return "limit_up"
    return "entered"


def forward_return(market: Market, stock: Stock, row: int, horizon: int, rule: dict[str, Any]) -> float | None:
    """Return what one share that is bought at the open after a row has become at the open `horizon` rows later."""
    entry, exit_ = row + 1, row + 1 + horizon
    if exit_ >= len(market.days) or entry_state(market, stock, row) != "entered":
        return None
    paid = stock.cell(entry, "open")
    assert paid is not None
    shares, cash = 1.0, 0.0
    for day in range(entry + 1, exit_ + 1):
        before = shares
        shares *= stock.split[day]
        for line in stock.dividends:
            if market.days[day - 1] < line["ex_date"] <= market.days[day]:
                cash += before * line["dps"]
        if rule["delisting"] == "liquidation" and stock.liquidation[day]:
            cash += shares * (stock.cell(day, "open") or 0.0)
            shares = 0.0
        if market.gone(stock, day) and not market.gone(stock, day - 1):
            cash += shares * delisted_price(market, stock, day, rule)
            shares = 0.0
        if not shares:
            return cash / paid - 1
    price = stock.cell(exit_, "open") if stock.tradable(exit_) else stock.last[exit_]
    assert price is not None
    return (cash + shares * price) / paid - 1


def held_return(market: Market, stock: Stock, row: int, rule: dict[str, Any]) -> float | None:
    """Return what one share that is held at the open after a row has become at the next open; None without a price, and
    where the holding has ended."""
    first, second = row + 1, row + 2
    if second >= len(market.days) or market.gone(stock, first):
        return None
    if rule["delisting"] == "liquidation" and any(stock.liquidation[: first + 1]):
        return None
    worth = stock.cell(first, "open") if stock.tradable(first) else stock.last[first]
    if not worth:
        return None
    shares = stock.split[second]
    cash = sum(line["dps"] for line in stock.dividends if market.days[first] < line["ex_date"] <= market.days[second])
    if rule["delisting"] == "liquidation" and stock.liquidation[second]:
        price = stock.cell(second, "open")
    elif market.gone(stock, second):
        price = delisted_price(market, stock, second, rule)
    else:
        price = stock.cell(second, "open") if stock.tradable(second) else stock.last[second]
    assert price is not None
    return (cash + shares * price) / worth - 1


def portfolio_returns(
    market: Market, values: dict[int, dict[str, float]], rows: range, horizon: int, rule: dict[str, Any]
) -> list[float]:
    """Return the return of the portfolio of ranks on each row of the window that has two further opens.

    values: row -> stock code -> value.
    """
    stocks = {stock.code: stock for stock in market.stocks}
    bought: dict[int, dict[str, float]] = {}
    found = []
    for row in rows:
        if row + 2 >= len(market.days):
            break
        of = values[row]
        ranks = dict(zip(of, average_ranks(list(of.values())), strict=True))
        entered = [code for code in of if entry_state(market, stocks[code], row) == "entered"]
        mean = (len(of) + 1) / 2
        bought[row] = {code: ranks[code] - mean for code in entered} if len(entered) >= LEAST else {}
        weights: dict[str, float] = {}
        for cohort in range(max(rows.start, row - horizon + 1), row + 1):
            for code, weight in bought[cohort].items():
                weights[code] = weights.get(code, 0.0) + weight
        held = {code: held_return(market, stocks[code], row, rule) for code in weights}
        long = [(w, held[code]) for code, w in weights.items() if w > 0 and held[code] is not None]
        short = [(-w, held[code]) for code, w in weights.items() if w < 0 and held[code] is not None]
        if not long or not short:
            found.append(0.0)
            continue
        means = [math.fsum(w * (r or 0.0) for w, r in leg) / math.fsum(w for w, _ in leg) for leg in (long, short)]
        found.append(means[0] - means[1])
    return found


def delisted_price(market: Market, stock: Stock, row: int, rule: dict[str, Any]) -> float:
    """Return the price at which a delisting ends a holding."""
    last = stock.last[row] or 0.0
    if rule["delisting"] == "zero":
        return 0.0
    if rule["delisting"] == "haircut":
        return last * (1 - rule["delisting_haircut_pct"] / 100)
    if rule["delisting"] == "liquidation":
        traded = max(r for r in range(row) if stock.tradable(r))
        assert stock.delisted_on is not None
        if (stock.delisted_on - market.days[traded]).days > 30:
            return last * (1 - rule["stale_haircut_pct"] / 100)
    return last


def average_ranks(values: Sequence[float]) -> list[float]:
    """Return the rank of each value, 1 = smallest, equals by their average."""
    return [1 + sum(x < v for x in values) + (sum(x == v for x in values) - 1) / 2 for v in values]


def pearson(pairs: Pairs) -> float | None:
    """Return the correlation of pairs; None when one side does not vary."""
    n = len(pairs)
    if n < 2:
        return None
    x, y = math.fsum(p[0] for p in pairs) / n, math.fsum(p[1] for p in pairs) / n
    xx, yy = math.fsum((p[0] - x) ** 2 for p in pairs), math.fsum((p[1] - y) ** 2 for p in pairs)
    if xx == 0 or yy == 0:
        return None
    return math.fsum((p[0] - x) * (p[1] - y) for p in pairs) / math.sqrt(xx * yy)


def coefficients(pairs: Pairs, least: int = LEAST) -> tuple[float | None, float | None]:
    """Return IC and rank IC of (value, return) pairs of a row."""
    if len(pairs) < least:
        return None, None
    ranks = zip(average_ranks([p[0] for p in pairs]), average_ranks([p[1] for p in pairs]), strict=True)
    return pearson(pairs), pearson(list(ranks))


def quantile(values: Sequence[float], value: float, quantiles: int) -> int:
    """Return the quantile of one of the values: min(Q, floor(Q (rank - 1/2) / n) + 1)."""
    rank = 1 + sum(x < value for x in values) + (sum(x == value for x in values) - 1) / 2
    return min(quantiles, math.floor(quantiles * (rank - 0.5) / len(values)) + 1)


def less_group_means(values: dict[str, float], groups: dict[str, str | None]) -> dict[str, float]:
    """Return the values of stocks with a group, less the mean of the group."""
    found = {}
    for code, value in values.items():
        if groups[code] is not None:
            of = [v for c, v in values.items() if groups[c] == groups[code]]
            found[code] = value - math.fsum(of) / len(of)
    return found


def newey_west_t(values: Sequence[float], horizon: int) -> float:
    """Return mean / sqrt(LRV / n) with Bartlett weights and autocovariances over n."""
    n = len(values)
    lags = max(horizon - 1, math.floor(4 * (n / 100) ** (2 / 9)))
    mean = math.fsum(values) / n
    variance = math.fsum((v - mean) ** 2 for v in values) / n
    for lag in range(1, min(lags, n - 1) + 1):
        of_lag = math.fsum((values[i] - mean) * (values[i - lag] - mean) for i in range(lag, n)) / n
        variance += 2 * (1 - lag / (lags + 1)) * of_lag
    return mean / math.sqrt(variance / n)


def least_squares(rows: Sequence[Sequence[float]], y: Sequence[float]) -> list[float]:
    """Return the coefficients of y on the columns of `rows` by Gaussian elimination of the normal equations."""
    k = len(rows[0])
    table = []
    for i in range(k):
        gram = [math.fsum(r[i] * r[j] for r in rows) for j in range(k)]
        table.append([*gram, math.fsum(r[i] * v for r, v in zip(rows, y, strict=True))])
    for i in range(k):
        pivot = max(range(i, k), key=lambda at: abs(table[at][i]))
        table[i], table[pivot] = table[pivot], table[i]
        for j in range(k):
            if j != i:
                factor = table[j][i] / table[i][i]
                table[j] = [a - factor * b for a, b in zip(table[j], table[i], strict=True)]
    return [table[i][k] / table[i][i] for i in range(k)]
