"""Run comparisons over several seeds: the bundled ones, or your own from a TOML file."""

import argparse
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lamella.cli.data import add_data_options, print_unreadable
from lamella.cli.messages import counted_runs, one_line_warnings, print_error, show_help
from lamella.core.disk import write_atomically
from lamella.core.names import expect_known
from lamella.core.wording import counted

if TYPE_CHECKING:
    from lamella.studies.results import Results
    from lamella.studies.study import Study

INTERRUPTED = 130


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare ``lamella study list``, ``run``, ``show`` and ``pack``."""
    parser.set_defaults(action=show_help(parser))
    actions = parser.add_subparsers(metavar="ACTION")

    def add(name: str, run: Callable[[argparse.Namespace], int], about: str) -> Any:
        action = actions.add_parser(name, help=about, description=about, allow_abbrev=False)
        action.set_defaults(action=run)
        return action

    add("list", _list, "list the studies that come with lamella")

    action = add("run", _run, "run a study, or resume it if it was interrupted")
    action.add_argument(
        "studies",
        nargs="+",
        metavar="NAME_OR_TOML",
        help="bundled studies, TOML files, or all: every bundled study",
    )
    add_data_options(action)
    action.add_argument(
        "--test", metavar="FOLDER", help="test on your own pictures instead, see digit_folder"
    )
    action.add_argument(
        "--seeds",
        type=_seeds,
        metavar="N",
        help="seeds 0 to N-1 for every arm; or the seeds themselves, such as 3,2023 or 2023, "
        "(default: those of the study)",
    )
    action.add_argument(
        "--epochs", type=int, metavar="N", help="epochs of a run (default: those of the study)"
    )
    action.add_argument(
        "--set",
        type=_setting,
        action="append",
        default=[],
        dest="settings",
        metavar="NAME=VALUE",
        help="a field of the base for all arms, with a value as in TOML: optimizer.lr=1e-3",
    )
    action.add_argument(
        "--keep",
        choices=["best", "last", "epochs"],
        help="trained models to keep in the folders of the runs",
    )
    action.add_argument(
        "--n-jobs",
        type=int,
        default=-1,
        metavar="N",
        help="number of processes (default: one per core); it does not affect the results",
    )
    action.add_argument(
        "--out",
        metavar="DIR",
        help="folder of the results; for several studies, the parent of their folders (default: "
        "runs/NAME, or runs/NAME-quick)",
    )
    action.add_argument(
        "--quick",
        action="store_true",
        help="fewer seeds, epochs and samples; prints the reductions",
    )
    action.add_argument(
        "--most",
        type=int,
        metavar="N",
        help="add seeds until every arm is better or worse than the baseline, at most N; p counts "
        "all looks",
    )
    action.add_argument("--quiet", action="store_true", help="no progress bar")

    action = add("show", _show, "print the results of the runs in a folder so far")
    action.add_argument(
        "source", metavar="DIR", help="folder of one or several studies, or an archive"
    )
    action.add_argument("--study", metavar="NAME", help="one of several studies (default: all)")
    action.add_argument("--to", metavar="ARM", help="compare to this arm (default: the baseline)")
    action.add_argument(
        "--measure", help="measure to compare (default: test_accuracy, or test_r2 for numbers)"
    )

    about = "write studies to one small file, an archive, without step losses and models"
    action = add("pack", _pack, about)
    action.add_argument(
        "source", metavar="DIR", help="a study's folder, one that holds several, or an archive"
    )
    action.add_argument(
        "--out", metavar="FILE", default="runs.tar.xz", help="the archive (default: %(default)s)"
    )


def run(args: argparse.Namespace) -> int:
    """Run the chosen action."""
    from lamella.studies.running.storage import DamagedRunWarning

    with one_line_warnings(DamagedRunWarning):
        status: int = args.action(args)
    return status


def _list(args: argparse.Namespace) -> int:
    from lamella.studies.definition import bundled

    names = bundled.names()
    width = max(map(len, names))
    for name in names:
        print(f"{name:<{width}}  {bundled.summary(name)}")
    return 0


def _run(args: argparse.Namespace) -> int:
    from lamella.studies.definition import bundled

    wanted = bundled.names() if args.studies == ["all"] else args.studies
    studies = [_sized(_study(name), args) for name in wanted]  # read all before running any
    parent = Path(args.out or "runs")
    status = 0
    for study in studies:
        changes = [("data", args.data), ("test", args.test)]
        named = [(n, Path(v).name) for n, v in changes if v not in (None, "mnist")]
        words = [study.name, *["quick"] * args.quick, *_changes([*named, *args.settings])]
        out = parent / "-".join(words)
        if args.out and len(studies) == 1:
            out = parent
        status = _run_one(study, out, args) or status
        if status == INTERRUPTED:
            break
    return status


def _run_one(study: "Study", out: Path, args: argparse.Namespace) -> int:
    from lamella.studies.pictures.beside import draw_beside
    from lamella.studies.running.data import read_sets

    print(study.title + (f": {study.question}" if study.question else ""))
    size = f"{counted(len(study.arms), 'arm')}, {counted(len(study.seeds), 'seed')}"
    if study.tuning is not None:
        size += f", tuned with {counted(len(study.trials().arms), 'trial')}"
    print(f"{size}; cut to {study.cut}" if study.cut else size, flush=True)
    if study.data:
        sets = read_sets(**study.data)
        for each in sets:
            print_unreadable(each)
        trained, tested = (f"{each.name} ({len(each.y):,} images)" for each in sets)
        print(f"trained on {trained}, tested on {tested}", flush=True)
    try:
        results = study.run(
            out=out,
            keep=args.keep,
            n_jobs=args.n_jobs,
            verbose=not args.quiet,
            **({} if args.most is None else {"until": "decided", "most": args.most}),
        )
    except KeyboardInterrupt as interrupt:
        print_error("interrupted. " + " ".join(getattr(interrupt, "__notes__", [])))
        return INTERRUPTED
    status = _print(results)
    whole = type(results).load(out)
    write_atomically(out / "table.txt", f"{_tables(whole)}\n".encode())
    if args.quiet and (note := draw_beside(whole, out)):
        print_error(note)
    print(f"in {out}")
    return status


def _show(args: argparse.Namespace) -> int:
    from lamella.studies.results import read_all

    found = read_all(args.source)
    if args.study is not None:
        expect_known("the study", args.study, [each.study.name for each in found])
        found = [each for each in found if each.study.name == args.study]
    status = 0
    for results in found:
        if len(found) > 1:
            print(f"\n{results.study.name}: {results.study.title}")
        status = _print(results, to=args.to, measure=args.measure) or status
    return status


def _pack(args: argparse.Namespace) -> int:
    from lamella.studies.results import read_archive
    from lamella.studies.running.archive.writing import write_archive

    path = write_archive(args.source, args.out)
    size = path.stat().st_size / 1e6
    print(f"{path}: {counted_runs(read_archive(path))}, {size:.2f} MB")
    return 0


def _study(name: str) -> "Study":
    from lamella.studies.study import bundled_study, load_study

    is_file = name.endswith(".toml") or Path(name).is_file()
    return load_study(name) if is_file else bundled_study(name)


def _seeds(text: str) -> int | list[int]:
    try:
        return [int(part) for part in text.split(",") if part] if "," in text else int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"write how many, such as 5, or which, such as 3,2023; got {text}"
        ) from None


def _setting(text: str) -> tuple[str, Any]:
    """Return name and value; text that is no value of TOML stays text."""
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise argparse.ArgumentTypeError(f"write NAME=VALUE, such as optimizer.lr=1e-3; got {text}")
    try:
        return name, tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return name, value


def _changes(settings: list[tuple[str, Any]]) -> list[str]:
    """Return settings as parts of a folder's name."""
    return [re.sub(r"[^\w.=-]+", "_", f"{name}={value}") for name, value in settings]


def _sized(study: "Study", args: argparse.Namespace) -> "Study":
    study = study.with_base(dict(args.settings)) if args.settings else study
    given = {"name": args.data, "root": args.root, "test": args.test}
    if any(given[name] not in (None, "mnist") for name in given):
        study.data = {name: value for name, value in given.items() if value is not None}
    study = study.resized(seeds=args.seeds, epochs=args.epochs)
    if not args.quick:
        return study
    given = {"seeds": args.seeds and len(study.seeds), "epochs": args.epochs}
    return study.quick(**{name: number for name, number in given.items() if number})


def _tables(results: "Results", to: str | None = None, measure: str | None = None) -> str:
    compared = [str(results.compare(to=to, measure=measure))] if len(results.arms) > 1 else []
    tuned = [] if results.tuning is None else [str(results.tuning)]
    return "\n\n".join([str(results.table()), *compared, *tuned])  # the ledger counts `compared`


def _print(results: "Results", to: str | None = None, measure: str | None = None) -> int:
    """Print tables and missing runs; the status is 1 if a run failed."""
    print()
    print(_tables(results, to, measure))
    for run in results.failed:
        print_error(f"arm {run.arm!r}, seed {run.seed} {run.status}: {run.reason}")
    if results.missing:
        print_error(f"{counted(len(results.missing), 'run')} not finished yet")
    return int(any(run.status == "failed" for run in results.failed))
