"""Studies: compare training choices over several seeds, all else held equal."""

from lamella.studies.definition.experiment import Experiment
from lamella.studies.definition.settings import LogUniform, Uniform, draws, grid
from lamella.studies.results import Results, read_archive
from lamella.studies.running.archive.writing import write_archive
from lamella.studies.running.archived_run import ArchivedRun
from lamella.studies.running.repeat import Repeated, repeat_runs
from lamella.studies.running.run import Run
from lamella.studies.running.runner import StudyStopped
from lamella.studies.running.storage import DamagedRunWarning, StudyFolder, read_study_folder
from lamella.studies.study import Study, load_study, parse_study

__all__ = [
    "ArchivedRun",
    "DamagedRunWarning",
    "Experiment",
    "LogUniform",
    "Repeated",
    "Results",
    "Run",
    "Study",
    "StudyFolder",
    "StudyStopped",
    "Uniform",
    "draws",
    "grid",
    "load_study",
    "parse_study",
    "read_archive",
    "read_study_folder",
    "repeat_runs",
    "write_archive",
]
