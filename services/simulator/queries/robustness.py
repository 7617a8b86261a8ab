"""Robustness: a backtest with changes that should not matter, and against random selections."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.contracts import queries
from shared.dataset.panel_reader import PanelReader
from shared.model.request import BacktestRequest


def robustness_on_mapped(request: BacktestRequest, query: queries.Robustness, reader: PanelReader) -> Mapping[str, Any]:
    """Return the robustness report of a request; the panels that its runs read are mapped before each of them."""
    # imported at the first use: simulators start without it
    from shared.research.robustness.report import Options, robustness

    def mapped(needs: dict[str, slice]) -> None:
        for name, rows in needs.items():
            if name in reader.factors or not name.isupper():
                reader.ensure([name], rows)

    options = Options(
        random_draws=query.random_draws, noise_draws=query.noise_draws, noise_pct=query.noise_pct, seed=query.seed,
        trials=query.trials,
    )  # fmt: skip
    return robustness(request, reader, options, mapped)
