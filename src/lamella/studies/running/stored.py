"""Studies at a path: in a folder, in its subfolders, or in an archive."""

from typing import Any

from lamella.core.disk import as_path, read_file
from lamella.core.errors import FileFormatError, UsageError
from lamella.studies.running.archive.reading import ArchivedStudy, read_studies
from lamella.studies.running.storage import CROSSED, TRIALS, StudyFolder

Stored = StudyFolder | ArchivedStudy
READS = "reads.jsonl"
MAX_READS = 10_000_000  # bytes


def stored_studies(path: Any) -> list[Stored]:
    """Return the study in a folder, all studies in its subfolders, or those in an archive.

    Raises
    ------
    UsageError
        If there is none.
    FileFormatError
        If it is a file, but no archive.
    """
    place = as_path(path, "the folder of results")
    if place.is_file():
        return list(read_studies(place))
    if not place.is_dir():
        raise UsageError(f"there is no folder or archive {place}")
    inside = sorted(child for child in place.iterdir() if (child / "study.json").is_file())
    found = [place] if (place / "study.json").is_file() else inside
    if not found:
        raise UsageError(
            f"{place} holds no study, nor do the folders in it: run one first, such as "
            f"lamella study run learning-rate --quick --out {place / 'learning-rate'}"
        )
    return [StudyFolder(each) for each in found]


def parts_of(study: Stored) -> dict[str, Stored]:
    """Return the studies within that of tuned arms by name: trials, and crossed choices."""
    if isinstance(study, ArchivedStudy):
        return {**study.parts()}
    paths = {name: study.path / name for name in (TRIALS, CROSSED)}
    return {
        name: StudyFolder(path) for name, path in paths.items() if (path / "study.json").exists()
    }


def reads_of(study: Stored) -> bytes:
    """Return the comparisons of a study that were read, one a line; empty if there are none."""
    if isinstance(study, ArchivedStudy):
        return study.reads()
    try:
        return read_file(study.path / READS, MAX_READS)
    except FileNotFoundError:
        return b""
    except FileFormatError as error:
        return str(error).encode()  # a line that holds no comparison


def has_run(study: Stored, key: str) -> bool:
    """Whether a study has a run of this key, which may be damaged."""
    if isinstance(study, ArchivedStudy):
        return study.has(key)
    return (study.path / "runs" / key).exists()
