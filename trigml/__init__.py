"""trigml: from a physicist's events to bit-exact neural networks in the Level-1 trigger."""

__version__ = "0.1.0"
