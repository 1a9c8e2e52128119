"""Files of scores: the integer outputs of a network for files of events (docs/scores.md)."""

from trigml.scores.growing import GrowingScores, grow_scores
from trigml.scores.layout import OutputWord, ScoredFile, ScoresHeader

__all__ = ["GrowingScores", "OutputWord", "ScoredFile", "ScoresHeader", "grow_scores"]
