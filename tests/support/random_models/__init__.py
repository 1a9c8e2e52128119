"""A hypothesis strategy for QKeras models: their architecture as Python source, their weights from a seed.

As source, a failing example is its own reproduction. ``built`` makes the model.
"""

from .building import RandomModel, built
from .strategy import LAYERS, OPTIONS, models

__all__ = ["LAYERS", "OPTIONS", "RandomModel", "built", "models"]
