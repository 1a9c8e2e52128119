"""What a run's integer scores do as a trigger: thresholds, rates, turn-on curves, stored working points.

How well the models of a training classify (accuracy, AUC, rejections) is ``trigml.training.evaluation``.
"""

from trigml.evaluation.discriminants import Discriminant, discriminants_of
from trigml.evaluation.evaluating import evaluate_run
from trigml.evaluation.folder import write_evaluation
from trigml.evaluation.options import EvaluationOptions
from trigml.evaluation.output_word import Division, OutputWord
from trigml.evaluation.quantities import TriggerQuantities
from trigml.evaluation.stored import StoredPoint, StoredPoints, load_working_points
from trigml.evaluation.targets import Target, TargetKind, parse_rate

__all__ = [
    "Discriminant",
    "Division",
    "EvaluationOptions",
    "OutputWord",
    "StoredPoint",
    "StoredPoints",
    "Target",
    "TargetKind",
    "TriggerQuantities",
    "discriminants_of",
    "evaluate_run",
    "load_working_points",
    "parse_rate",
    "write_evaluation",
]
