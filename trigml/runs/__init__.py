"""The run folder that ``trigml train`` makes: its files, opening it, and the place where it grows."""

from trigml.runs.manifest import RUN_VERSION, DataFile, Manifest, sha256_of
from trigml.runs.run import Run, open_run
from trigml.runs.scores import TestPredictions, TestScores
from trigml.runs.workspace import Identity, Workspace, open_workspace, refuse_occupied

__all__ = [
    "RUN_VERSION",
    "DataFile",
    "Identity",
    "Manifest",
    "Run",
    "TestPredictions",
    "TestScores",
    "Workspace",
    "open_run",
    "open_workspace",
    "refuse_occupied",
    "sha256_of",
]
