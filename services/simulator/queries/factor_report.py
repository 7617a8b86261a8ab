"""Factor reports: what the values of a number say about the returns that follow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shared.contracts import queries
from shared.dataset.panel_reader import PanelReader
from shared.language import compile_expression
from shared.model.request import BacktestRequest

if TYPE_CHECKING:
    from shared.research.factor_reports.options import Options


def factor_report_on_mapped(
    request: BacktestRequest, query: queries.FactorReport, reader: PanelReader
) -> dict[str, Any]:
    """Map the panels that the report reads, then compute it."""
    # imported at the first use: simulators start without it
    from shared.research.factor_reports.report import factor_report, report_needs

    options = options_of(request, query)
    ensure(reader, report_needs(request, reader, options))
    return {"dataset_version": reader.version, **factor_report(request, reader, options)}


def factor_audit_on_mapped(
    request: BacktestRequest, query: queries.FactorReportAudit, reader: PanelReader
) -> dict[str, Any]:  # fmt: skip
    """Map the panels that a report reads, then audit it."""
    from shared.research.factor_reports.audit import audit_report
    from shared.research.factor_reports.report import report_needs

    options = options_of(request, query)
    ensure(reader, report_needs(request, reader, options))
    return audit_report(
        request, reader, options, stored_digest=query.stored_digest, seed=query.seed, cuts=query.cuts
    )  # fmt: skip


def options_of(request: BacktestRequest, query: queries.FactorReport) -> Options:
    """Return what a report is asked for besides the factor, the window and the universe."""
    from shared.research.factor_reports.options import Options, exit_rule

    controls = tuple(compile_expression(text, role="number", path="controls", indices=None) for text in query.controls)
    return Options(
        horizons=query.horizons, quantiles=query.quantiles, neutral=query.neutral, controls=controls,
        cost_pct=query.cost_pct, correlations=query.correlations, series=query.series,
        rule=exit_rule(request.execution), breakdowns=query.breakdowns,
    )  # fmt: skip


def factor_coefficients_on_mapped(
    request: BacktestRequest, query: queries.FactorCoefficients, reader: PanelReader
) -> dict[str, Any]:
    """Map the panels that the coefficients of a factor read, then compute them."""
    from shared.research.factor_reports.options import exit_rule
    from shared.research.factor_reports.report import coefficient_needs, factor_coefficients

    ensure(reader, coefficient_needs(request, reader, query.horizons))
    return factor_coefficients(request, reader, query.horizons, query.neutral, exit_rule(request.execution))


def factor_portfolios_on_mapped(
    request: BacktestRequest, query: queries.FactorPortfolios, reader: PanelReader
) -> dict[str, Any]:
    """Map the panels that the portfolios of a factor read, then compute them."""
    from shared.research.factor_reports.options import exit_rule
    from shared.research.factor_reports.report import coefficient_needs, factor_portfolios

    ensure(reader, coefficient_needs(request, reader, (1,)))
    return factor_portfolios(request, reader, query.horizons, query.neutral, exit_rule(request.execution))


def expression_coverage_on_mapped(request: BacktestRequest, reader: PanelReader) -> dict[str, Any]:
    """Map the panels that a factor reads, then return its coverage by year."""
    from shared.research.factor_reports.report import coverage_by_year, expression_needs

    ensure(reader, expression_needs(request, reader))
    return coverage_by_year(request, reader)


def ensure(reader: PanelReader, needs: dict[str, slice]) -> None:
    """Map the rows of fields and factors, those with the same rows together."""
    by_rows: dict[tuple[int, int], list[str]] = {}
    for name, rows in needs.items():
        if name in reader.factors or not name.isupper():
            by_rows.setdefault((rows.start, rows.stop), []).append(name)
    for (start, stop), names in by_rows.items():
        reader.ensure(names, slice(start, stop))
