"""Print the script that completes commands, subcommands and options in a shell."""

from __future__ import annotations

import argparse

from ondol.cli.completion import SHELLS, script


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `ondol completion`."""
    parser.add_argument("shell", choices=SHELLS, metavar="SHELL", help=f"one of {', '.join(SHELLS)}")


def main(args: argparse.Namespace) -> int:
    """Print the script."""
    print(script(args.shell), end="")
    return 0
