"""`python -m tests.containers`: run the containers of compose.yaml; write a table and pictures of what was seen.

`--backtests N` is the number of each step under load, `--seed N` chooses them, `--away S` is how long the cache is
away, `--only NAME` runs the start and the named steps, `--write` copies table and pictures into the docs.
"""

from __future__ import annotations

import argparse
import asyncio
import pathlib
import shutil
import subprocess
import sys
import tempfile

from tests.containers import engine, images, steps_faults, steps_operate, steps_start
from tests.containers.run import Run
from tests.containers.stack import stack

OUTPUT = engine.ROOT / "reports/containers"
NEEDED = (steps_start.start, steps_start.first_key, steps_start.market)


def main() -> int:
    """Return 0 when every step passes, or when this machine cannot run containers."""
    parser = argparse.ArgumentParser(prog="python -m tests.containers", description=__doc__)
    parser.add_argument("--backtests", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--away", type=float, default=20.0)
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--write", action="store_true")
    args = parser.parse_args()
    if missing := engine.missing():
        print(f"the containers are not run: this machine lacks {', '.join(missing)}")
        return 0
    engine.configure()
    try:
        images.stand_ins()
        images.try_network()
    except (RuntimeError, OSError, subprocess.SubprocessError) as error:
        print(f"the containers are not run: this machine cannot make base images or a network for them ({error})")
        return 0
    images.build(images.PRODUCT, engine.ROOT, engine.ROOT / "Dockerfile")
    shutil.rmtree(OUTPUT, ignore_errors=True)
    OUTPUT.mkdir(parents=True)
    with tempfile.TemporaryDirectory(prefix="ondol-stack-") as scratch:
        run = asyncio.run(_steps(args, pathlib.Path(scratch)))
    (OUTPUT / "table.md").write_text(run.table(), encoding="utf-8")
    print(f"\n{run.table()}\npictures and table: {OUTPUT}")
    passed = all(row.passed for row in run.rows)
    if args.write and passed:
        steps_operate.write_docs(run)
    return 0 if passed else 1


async def _steps(args: argparse.Namespace, scratch: pathlib.Path) -> Run:
    project = scratch / "project"
    project.mkdir()
    async with stack(project) as started:
        run = Run(stack=started, scratch=scratch, output=OUTPUT, seed=args.seed, count=args.backtests, away_s=args.away)
        for action in (*steps_start.STEPS, *steps_faults.STEPS, *steps_operate.STEPS):
            if args.only and action not in NEEDED and action.__name__ not in args.only:
                continue
            if not await run.step(action) and action in NEEDED:
                print(await started.compose("logs", "--tail", "40", check=False))
                break
        return run


if __name__ == "__main__":
    sys.exit(main())
