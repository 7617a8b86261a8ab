"""The target list of `rotate` and `reweight`, as the day loop chooses it."""

from __future__ import annotations

from collections.abc import Collection

from shared.model.listings import row_attributes
from shared.model.panels import Panels
from shared.model.request import BacktestRequest
from shared.simulation.explain.condition_values import RowRanking


def target_columns(
    request: BacktestRequest, panels: Panels, ranking: RowRanking, held_before: Collection[int]
) -> list[int]:
    """Return the columns of the target list; `held_before` are those held on the evening before."""
    portfolio = request.strategy.portfolio
    kept = [column for column in ranking.order[: portfolio.keep_rank or 0] if column in held_before]
    kept = kept[: portfolio.max_positions]
    sectors = row_attributes(panels, ranking.values.rows).sector[0]
    chosen: list[int] = []
    counts: dict[int, int] = {}
    first = set(kept)
    for column in [*kept, *(column for column in ranking.order if column not in first)]:
        if len(chosen) == portfolio.max_positions:
            break
        sector = int(sectors[column])
        full = portfolio.max_per_sector is not None and counts.get(sector, 0) >= portfolio.max_per_sector
        if full and sector >= 0 and column not in held_before:
            continue
        counts[sector] = counts.get(sector, 0) + 1
        chosen.append(column)
    rank = ranking.rank
    return sorted(chosen, key=rank.__getitem__)
