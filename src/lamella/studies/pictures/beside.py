"""The report's three figures, beside the results in the folder of a study."""

from pathlib import Path

from lamella.core.errors import LamellaError
from lamella.studies.analysis.runs import Runs
from lamella.studies.pictures import REPORT, draw, report_name
from lamella.studies.pictures.saving import save
from lamella.studies.pictures.style import NothingToDraw


def draw_beside(results: Runs, folder: Path) -> str:
    """Write the figures as PNG, except those that are newer than all runs.

    Returns
    -------
    str
        Why there are no figures, such as "matplotlib is not installed"; empty if there are. The
        results are stored already, so that no error shall end the call.
    """
    written = [path.stat().st_mtime_ns for path in folder.glob("runs/*/run.json")]
    try:
        for name in REPORT:
            path = folder / f"{report_name(results, name)}.png"
            if not path.is_file() or path.stat().st_mtime_ns < max(written, default=0):
                try:
                    save(draw(results, name), path)
                except NothingToDraw:
                    continue
    except (LamellaError, OSError) as error:
        return f"no figures beside the results: {error}"
    return ""
