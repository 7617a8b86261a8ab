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
    """One verb; its module has `add_arguments(parser)` and `main(args) -> exit code`, and is imported when used."""

    name: str
    meaning: str
    examples: tuple[str, ...]


VERBS = (
    Verb(
        name="demo",
        meaning="a market, the ten famous strategies, and a table of what they earned",
        examples=("ondol demo --exit", "ondol demo --market DIR"),
    ),
    Verb(
        name="serve",
        meaning="the whole system on this machine, until Ctrl-C",
        examples=("ondol serve", "ondol serve --home /data/ondol --port 0 --simulators 4"),
    ),
    Verb(
        name="market",
        meaning="write a seeded synthetic market in the load format",
        examples=("ondol market my-market", "ondol market my-market --stocks 300 --years 2 --seed 7"),
    ),
    Verb(
        name="load",
        meaning="load a market directory (Parquet, CSV, CSV.gz)",
        examples=("ondol load my-market", "ondol load my-market --home /data/ondol --json"),
    ),
    Verb(name="prepare", meaning="build and publish what the newest data revision lacks", examples=("ondol prepare",)),
    Verb(
        name="backtest",
        meaning="run backtests and print what they earned",
        examples=(
            "ondol backtest peter_lynch --start 2023-01-02 --end 2023-12-28",
            "ondol backtest request.json --json",
        ),
    ),
    Verb(
        name="screen",
        meaning="which stocks a strategy or a condition picks",
        examples=(
            "ondol screen 'PER < 10 and ROE > 10' --rank-by MOMENTUM_3M --limit 20",
            "ondol screen --strategy peter_lynch",
        ),
    ),
    Verb(name="warm", meaning="run the warmer now", examples=("ondol warm", "ondol warm --phases factors,strategies")),
    Verb(
        name="status",
        meaning="what serves this home, its data, dataset and work",
        examples=("ondol status", "ondol status --json"),
    ),
    Verb(name="migrate", meaning="bring the database schema up", examples=("ondol migrate",)),
    Verb(
        name="keys", meaning="make, list and revoke API keys", examples=("ondol keys create alice", "ondol keys list")
    ),
    Verb(name="bench", meaning="measure speed, memory and the figures of the design", examples=("ondol bench",)),
)


def main(arguments: list[str] | None = None) -> int:
    """Run one verb. Exit codes: 0 all went well, 1 it did not, 2 wrong arguments or environment, 130 interrupted."""
    words = sys.argv[1:] if arguments is None else arguments
    verb = next((v for v in VERBS if words and words[0] == v.name), None)
    if verb is None:
        return _without_verb(words)
    try:
        module: Any = importlib.import_module(f"ondol.{verb.name}")
        parser = argparse.ArgumentParser(
            prog=f"ondol {verb.name}",
            description=module.__doc__,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            epilog="examples:\n" + "\n".join(f"  {example}" for example in verb.examples),
        )
        module.add_arguments(parser)
        args = parser.parse_args(words[1:])
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


def _without_verb(words: list[str]) -> int:
    width = max(len(verb.name) for verb in VERBS)
    parser = argparse.ArgumentParser(
        prog="ondol",
        description="Backtests of the Korean stock market: prepared once, shared by every simulation.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="ondol VERB …",
        epilog="verbs:\n"
        + "\n".join(f"  {v.name:<{width}}  {v.meaning}" for v in VERBS)
        + "\n\nfirst steps:\n  ondol demo\n\n`ondol VERB --help` shows examples.",
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
