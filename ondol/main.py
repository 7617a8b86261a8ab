"""The command line `ondol`: finds the verb, reads the environment, and turns every expected error into one sentence."""

from __future__ import annotations

import argparse
import importlib
import os
import signal
import sys
from dataclasses import dataclass
from typing import Any

from shared.errors import OndolError
from shared.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Verb:
    """One verb; its module has `add_arguments(parser)` and `main(args) -> exit code`, and is imported when used.

    A verb with actions lists them as ACTIONS in its module, with the routes of the API that they ask; another verb
    names its `routes` here.
    """

    name: str
    group: str
    meaning: str
    examples: tuple[str, ...]
    routes: tuple[str, ...] = ()

    @property
    def module(self) -> str:
        """Where it is written."""
        return f"ondol.cli.commands.{self.name.replace('-', '_')}"


RUN, ASK, WATCH = "run a system", "ask it", "watch over it"

VERBS = (
    Verb(
        name="demo",
        group=RUN,
        meaning="a market, the ten famous strategies, and a table of what they earned",
        examples=("ondol demo --exit", "ondol demo --market DIR"),
    ),
    Verb(
        name="serve",
        group=RUN,
        meaning="the whole system on this machine, until Ctrl-C",
        examples=("ondol serve", "ondol serve --home /data/ondol --port 0 --simulators 4"),
    ),
    Verb(
        name="market",
        group=RUN,
        meaning="write a seeded synthetic market in the load format",
        examples=("ondol market my-market", "ondol market my-market --stocks 300 --years 2 --seed 7"),
    ),
    Verb(
        name="load",
        group=RUN,
        meaning="load a market directory (Parquet, CSV, CSV.gz)",
        examples=("ondol load my-market", "ondol load my-market --home /data/ondol --json"),
    ),
    Verb(
        name="prepare",
        group=RUN,
        meaning="build and publish what the newest data revision lacks",
        examples=("ondol prepare",),
    ),
    Verb(
        name="backtest",
        group=ASK,
        meaning="run backtests and print what they earned",
        examples=(
            "ondol backtest peter_lynch --start 2023-01-02 --end 2023-12-28",
            "ondol backtest request.json --json",
            "ondol backtest request.json --detach",
        ),
        routes=("POST /v1/backtests",),
    ),
    Verb(
        name="backtests",
        group=ASK,
        meaning="list, show, wait, follow, cancel, export, explain, holdings, replay, audit, compare",
        examples=("ondol backtests list", "ondol backtests trades ID --output trades.csv"),
    ),
    Verb(
        name="screen",
        group=ASK,
        meaning="which stocks a strategy or a condition picks",
        examples=(
            "ondol screen 'PER < 10 and ROE > 10' --rank-by MOMENTUM_3M --limit 20",
            "ondol screen --strategy peter_lynch",
        ),
        routes=("GET /v1/screen",),
    ),
    Verb(
        name="strategies",
        group=ASK,
        meaning="the catalogue and the presets; keep, replace and delete one's own",
        examples=("ondol strategies list", "ondol strategies create mine.json --id mine"),
    ),
    Verb(
        name="factors",
        group=ASK,
        meaning="what conditions may name: definitions and coverage",
        examples=("ondol factors list", "ondol factors show PER"),
    ),
    Verb(
        name="stocks",
        group=ASK,
        meaning="list and show stocks; rank them by size and trading",
        examples=("ondol stocks list --search 전자", "ondol stocks rank market_cap --limit 10"),
    ),
    Verb(
        name="datasets",
        group=ASK,
        meaning="the versions that backtests are computed from",
        examples=("ondol datasets list", "ondol datasets show"),
    ),
    Verb(
        name="status",
        group=WATCH,
        meaning="what serves this home, its data, dataset and work",
        examples=("ondol status", "ondol status --json"),
    ),
    Verb(
        name="scale",
        group=WATCH,
        meaning="change the number of simulators while the system runs",
        examples=("ondol scale 8", "ondol scale 2 --home /data/ondol --json"),
    ),
    Verb(
        name="warm",
        group=WATCH,
        meaning="run the warmer now and wait for its end",
        examples=("ondol warm", "ondol warm --phases factors,strategies"),
        routes=("POST /v1/warm-runs",),
    ),
    Verb(
        name="warm-runs",
        group=WATCH,
        meaning="list, show and follow the runs of the warmer",
        examples=("ondol warm-runs list", "ondol warm-runs show RUN"),
    ),
    Verb(
        name="schedule",
        group=WATCH,
        meaning="each job of the system with its next run",
        examples=("ondol schedule",),
        routes=("GET /v1/schedule",),
    ),
    Verb(
        name="api",
        group=WATCH,
        meaning="whether the API is alive and ready; its metrics and its description",
        examples=("ondol api ready", "ondol api openapi > openapi.json"),
    ),
    Verb(name="migrate", group=WATCH, meaning="bring the database schema up", examples=("ondol migrate",)),
    Verb(
        name="keys",
        group=WATCH,
        meaning="make, list and revoke API keys",
        examples=("ondol keys create alice", "ondol keys list"),
    ),
    Verb(
        name="bench",
        group=WATCH,
        meaning="measure speed, memory and the figures of the design",
        examples=("ondol bench",),
    ),
)


def main(arguments: list[str] | None = None) -> int:
    """Run one verb. Exit codes: 0 all went well, 1 it did not, 2 wrong arguments or environment, 130 interrupted."""
    words = sys.argv[1:] if arguments is None else arguments
    verb = next((v for v in VERBS if words and words[0] == v.name), None)
    if verb is None:
        return _without_verb(words)
    try:
        module: Any = importlib.import_module(verb.module)
        args = parser_of(verb, module).parse_args(words[1:])
        args.environment = dict(os.environ)
        args.settings = Settings.from_environment(os.environ)
        code: int = module.main(args)
    except OndolError as error:
        sys.stderr.write(f"ondol {verb.name}: {error}\n")
        return 2 if type(error).__name__ == "SetupError" else 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 128 + signal.SIGPIPE
    return code


def parser_of(verb: Verb, module: Any) -> argparse.ArgumentParser:
    """The parser of a verb, with its examples."""
    parser = argparse.ArgumentParser(
        prog=f"ondol {verb.name}",
        description=module.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="examples:\n" + "\n".join(f"  {example}" for example in verb.examples),
    )
    module.add_arguments(parser)
    return parser


def _without_verb(words: list[str]) -> int:
    width = max(len(verb.name) for verb in VERBS)
    parser = argparse.ArgumentParser(
        prog="ondol",
        description="Backtests of the Korean stock market: prepared once, shared by every simulation.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="ondol VERB …",
        epilog="\n\n".join(
            f"{group}:\n" + "\n".join(f"  {v.name:<{width}}  {v.meaning}" for v in VERBS if v.group == group)
            for group in (RUN, ASK, WATCH)
        )
        + "\n\nfirst steps:\n  ondol demo\n\n`ondol COMMAND --help` shows examples; "
        "docs/reference/command-line.md lists every command.\n"
        "exit codes: 0 all went well, 1 it did not, 2 wrong arguments or environment, 130 interrupted",
    )
    parser.add_argument("--version", action="version", version=_version())
    if words and not words[0].startswith("-"):
        parser.error(f"there is no verb {words[0]!r}; choose from {', '.join(v.name for v in VERBS)}")
    parser.parse_args(words)
    parser.print_help(sys.stderr)
    return 2


def _version() -> str:
    from importlib.metadata import version

    return f"ondol {version('ondol')}"


if __name__ == "__main__":
    sys.exit(main())
