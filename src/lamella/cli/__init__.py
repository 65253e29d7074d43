"""The command ``lamella``: train, verify, evaluate, predict, draw, export, study, report, info.

Exit status: 0 on success; 1 if training diverged, a run of a study failed, a verified run differs
or an image could not be read; 2 if the request is invalid or impossible, with the reason in one
line on stderr; 130 if interrupted.
"""

import argparse
import os
import re
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from lamella.cli import draw, evaluate, export, info, predict, report, study, train, verify
from lamella.cli.messages import print_error, show_help
from lamella.core.errors import ArgumentError, LamellaError
from lamella.core.names import did_you_mean, suggestion
from lamella.core.terminal import replace_unknown_signs
from lamella.core.version import __version__


class _Help(argparse.HelpFormatter):
    """Help that ends with the default of each option."""

    def _get_help_string(self, action: argparse.Action) -> str:
        text = action.help or ""
        if not action.option_strings or action.required or "default" in text:
            return text
        if action.nargs == 0:
            return f"{text} (default: off)" if action.const is True else text
        return f"{text} (default: {'none' if action.default in (None, []) else '%(default)s'})"


class _Parser(argparse.ArgumentParser):
    """Parser that reports errors as an ArgumentError of one line with the nearest right word."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options, formatter_class=_Help)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        found, rest = super().parse_known_args(args, namespace)
        for word in rest:
            if word.startswith("--"):
                raise ArgumentError(self._unknown_option(word.partition("=")[0]))
        return found, rest

    def error(self, message: str) -> NoReturn:
        choice = re.search(r"invalid choice: '?(.*?)'? \(choose from (.*)\)", message)
        if choice:
            message += did_you_mean(choice[1], re.findall(r"[\w-]+", choice[2]))
        raise ArgumentError(f"{message} ({self.prog} --help lists the options)")

    def _unknown_option(self, option: str) -> str:
        # As in Python, words are joined by underscores in `suggestion`.
        known = {name.strip("-").replace("-", "_"): name for name in self._option_string_actions}
        advice = suggestion(option.strip("-").replace("-", "_"), known) or "there is none like it"
        advice = re.sub(r"'(\w+)'", lambda word: known.get(word[1], word[1]), advice)
        return f"unrecognized option {option}: {advice} ({self.prog} --help lists the options)"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line, by default of this process, and return the exit status."""
    replace_unknown_signs()
    try:
        args = _parser().parse_args(argv)
        status: int = args.run(args)
        if sys.stdout is not None:
            sys.stdout.flush()  # detects a closed pipe here, not at shutdown
        return status
    except BrokenPipeError:
        # The reader closed the pipe; discard the rest of the buffer.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except KeyboardInterrupt as interrupt:
        print_error(". ".join(["interrupted", *getattr(interrupt, "__notes__", [])]))
        return 130
    except (LamellaError, OSError, MemoryError) as error:
        print_error(error)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="lamella",
        description="Train small networks on the MNIST that comes with lamella, and use them.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"lamella {__version__}")
    parser.set_defaults(run=show_help(parser))
    commands = parser.add_subparsers(metavar="COMMAND")
    for command in (train, verify, evaluate, predict, draw, export, study, report, info):
        name = command.__name__.rpartition(".")[2]
        summary = (command.__doc__ or "").partition("\n")[0]
        subparser = commands.add_parser(name, help=summary, description=summary, allow_abbrev=False)
        command.add_options(subparser)
        subparser.set_defaults(run=command.run)
    return parser
