"""Run the fault and security checks: `python -m tests.chaos [--only R1,S2] [--seed N] [--quick]`."""

from __future__ import annotations

import argparse
import asyncio
import pathlib
import shutil
import sys
import time
import traceback

from tests.chaos.checks import CHECKS
from tests.chaos.results import HEAD, CannotRunError, Check, CheckReport, CheckResult, Context, write_reports
from tests.chaos.system import System, home_folder, make_market, serving

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


async def run_check(check: Check, context: Context) -> CheckReport:
    """Run one check; an exception is reported as a fault."""
    began, cannot_run = time.monotonic(), ""
    try:
        result = await check.run(context)
    except CannotRunError as error:
        result, cannot_run = CheckResult(), str(error)
    except Exception as error:  # an error of a check must not end the suite
        result = CheckResult(faults=[f"{type(error).__name__}: {error}"])
        traceback.print_exc()
    return CheckReport(
        id=check.id, title=check.title, passes_when=check.passes_when, seed=context.seed,
        seconds=round(time.monotonic() - began, 1), green=result.green, figures=result.figures, faults=result.faults,
        late=result.late, cannot_run=cannot_run,
    )  # fmt: skip


async def context_of(scratch: pathlib.Path, system: System, market: pathlib.Path, seed: int, *, quick: bool) -> Context:
    """Return the context of checks in a system; requests begin after the first third of its trading days."""
    async with system.database() as connection:
        days = [row["day"] for row in await connection.fetch("select day from trading_day order by day")]
    return Context(
        system=system, seed=seed, quick=quick, market=market, scratch=scratch,
        start=_iso(days[len(days) // 3]), end=_iso(days[-1]),
    )  # fmt: skip


def _iso(day: object) -> str:
    from shared.model.calendar import from_day

    return from_day(day).isoformat() if isinstance(day, int) else str(day)


async def run_all(checks: list[Check], seed: int, *, quick: bool) -> list[CheckReport]:
    """Run checks in one system, one after the other."""
    reports: list[CheckReport] = []
    async with home_folder() as folder:
        market = await make_market(folder / "market", stocks=200, years=2)
        async with serving(folder / "home") as system:
            await system.load(market)
            await system.warm_run_ended()
            context = await context_of(folder, system, market, seed, quick=quick)
            for check in checks:
                print(f"# {check.id} {check.title} (seed {seed})", flush=True)
                report = await run_check(check, context)
                print(f"{report.line()}  {report.seconds} s", flush=True)
                reports.append(report)
                if not report.green:
                    shutil.copytree(system.home / "logs", ROOT / "reports" / "faults" / check.id, dirs_exist_ok=True)
                await system.healthy(60)
    return reports


def main() -> int:
    """Run the suite; return 0 when every check is green."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos")
    parser.add_argument("--only", metavar="R1,S2", help="run only these checks")
    parser.add_argument("--seed", type=int, default=1, help="seed of all random choices (default 1)")
    parser.add_argument("--quick", action="store_true", help="smaller counts, and only checks that are quick")
    args = parser.parse_args()
    only = set(args.only.upper().split(",")) if args.only else None
    chosen = [check for check in CHECKS if (check.id in only if only else check.quick or not args.quick)]
    reports = asyncio.run(run_all(chosen, args.seed, quick=args.quick))
    write_reports(reports, ROOT / "reports" / "faults.json", seed=args.seed, quick=args.quick)
    print(HEAD)
    for report in reports:
        print(report.line())
    return 0 if all(report.green for report in reports) else 1


if __name__ == "__main__":
    sys.exit(main())
