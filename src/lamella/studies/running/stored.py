"""Studies at a path: in a folder, in its subfolders, or in an archive."""

from typing import Any

from lamella.core.disk import as_path
from lamella.core.errors import UsageError
from lamella.studies.running.archive.reading import ArchivedStudy, read_studies
from lamella.studies.running.storage import StudyFolder

Stored = StudyFolder | ArchivedStudy


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
