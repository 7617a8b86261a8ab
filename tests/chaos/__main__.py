"""The suite: `python -m tests.chaos [--only R1,S2] [--seed N] [--quick]`; prints the table and keeps it as JSON."""

from __future__ import annotations

import argparse
import asyncio
import pathlib
import shutil
import sys
import time
import traceback

from tests.chaos.checks import CHECKS
from tests.chaos.results import HEAD, Check, Context, Finding, Verdict, keep
from tests.chaos.system import home_folder, make_market, serving

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


async def carry_out(check: Check, context: Context) -> Verdict:
    """Run one check; what it raises is a fault."""
    began = time.monotonic()
    try:
        finding = await check.run(context)
    except Exception as error:  # the outermost edge of the suite
        finding = Finding(faults=[f"{type(error).__name__}: {error}"])
        traceback.print_exc()
    return Verdict(
        id=check.id, title=check.title, passes_when=check.passes_when, seed=context.seed,
        seconds=round(time.monotonic() - began, 1), green=finding.green, figures=finding.figures, faults=finding.faults,
        late=finding.late,
    )  # fmt: skip


async def context_of(scratch: pathlib.Path, house: object, market: pathlib.Path, seed: int, *, quick: bool) -> Context:
    """The context of the checks in a house, with the window that its market allows."""
    from tests.chaos.system import House

    assert isinstance(house, House)
    async with house.record() as connection:
        days = [row["day"] for row in await connection.fetch("select day from trading_day order by day")]
    return Context(
        house=house, seed=seed, quick=quick, market=market, scratch=scratch,
        start=_iso(days[len(days) // 3]), end=_iso(days[-1]),
    )  # fmt: skip


def _iso(day: object) -> str:
    from shared.model.calendar import from_day

    return from_day(day).isoformat() if isinstance(day, int) else str(day)


async def run_all(checks: list[Check], seed: int, *, quick: bool) -> list[Verdict]:
    """Carry out checks in one system, one after the other."""
    verdicts: list[Verdict] = []
    async with home_folder() as folder:
        market = await make_market(folder / "market", stocks=200, years=2)
        async with serving(folder / "home") as house:
            await house.load(market)
            await house.warm_run_ended()
            context = await context_of(folder, house, market, seed, quick=quick)
            for check in checks:
                print(f"# {check.id} {check.title} (seed {seed})", flush=True)
                verdict = await carry_out(check, context)
                print(f"{verdict.line()}  {verdict.seconds} s", flush=True)
                verdicts.append(verdict)
                if not verdict.green:
                    shutil.copytree(house.home / "logs", ROOT / "reports" / "faults" / check.id, dirs_exist_ok=True)
                await house.healthy(60)
    return verdicts


def main() -> int:
    """Carry out the suite; exit code 0 when everything is green."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos")
    parser.add_argument("--only", metavar="R1,S2", help="these checks only")
    parser.add_argument("--seed", type=int, default=1, help="of everything random (default 1)")
    parser.add_argument("--quick", action="store_true", help="smaller counts, and only the checks of the quick tests")
    args = parser.parse_args()
    only = set(args.only.upper().split(",")) if args.only else None
    chosen = [check for check in CHECKS if (check.id in only if only else check.quick or not args.quick)]
    verdicts = asyncio.run(run_all(chosen, args.seed, quick=args.quick))
    keep(verdicts, ROOT / "reports" / "faults.json", seed=args.seed, quick=args.quick)
    print(HEAD)
    for verdict in verdicts:
        print(verdict.line())
    return 0 if all(verdict.green for verdict in verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
