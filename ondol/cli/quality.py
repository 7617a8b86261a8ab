"""Print a quality report."""

from __future__ import annotations

from shared.quality.report import CHECKS, QualityReport

SHOWN = 3
"""Examples printed of each finding."""

WORST = 5
"""Examples of each finding in the JSON of a command whose subject is another; `ondol quality --json` has all."""


def print_quality(report: QualityReport, examples: int = SHOWN) -> None:
    """Print each finding: the check, how often, what follows, and the worst examples."""
    if not report.findings:
        print(f"quality of data revision {report.revision}: nothing found")
        return
    print(f"quality of data revision {report.revision} (docs/reference/quality.md):")
    checks = {check.name: check for check in CHECKS}
    for found in report.findings:
        stocks = "1 stock" if found.stocks == 1 else f"{found.stocks:,} stocks"
        check = checks.get(found.check)
        print(f"  {found.check}: {found.count:,} on {stocks}" + (f"; {check.follows}" if check else ""))
        for example in found.examples[:examples]:
            print(f"    {example.stock_code} {example.date}: {example.detail}")
