"""The one place that imports TensorFlow, tf-keras and QKeras, with what they need beforehand.

QKeras 0.9 runs on Keras 2, which TensorFlow ships as tf-keras and uses when ``TF_USE_LEGACY_KERAS``
is set before its import. Importing takes about 5 s: call ``load`` only where a Keras model is needed.
"""

from __future__ import annotations

import os
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from types import ModuleType

from trigml.errors import BadInput


@dataclass(frozen=True)
class KerasModules:
    """The imported libraries."""

    tensorflow: ModuleType
    keras: ModuleType  # tf_keras
    qkeras: ModuleType

    @property
    def versions(self) -> dict[str, str]:
        """Version of each library."""
        return {
            "tensorflow": str(self.tensorflow.__version__),
            "tf-keras": str(self.keras.__version__),
            "qkeras": str(self.qkeras.__version__),
        }


@cache
def load() -> KerasModules:
    """Import the libraries once, quietly, with deterministic operations switched on.

    Raises:
        BadInput: TensorFlow was imported before without the legacy switch (in a user's own program).
    """
    if "tensorflow" in sys.modules and os.environ.get("TF_USE_LEGACY_KERAS") != "1":
        raise BadInput(
            "TensorFlow was imported before trigml could choose Keras 2",
            remedy="import trigml.legacy_keras and call load() before importing tensorflow",
        )
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")  # a GPU would change the order of float sums
    with warnings.catch_warnings(), _native_messages_held_back():
        warnings.simplefilter("ignore")
        import tensorflow
        import tf_keras

        tensorflow.get_logger().setLevel("ERROR")
        import qkeras
    tensorflow.config.experimental.enable_op_determinism()
    return KerasModules(tensorflow, tf_keras, qkeras)


@contextmanager
def _native_messages_held_back() -> Iterator[None]:
    """TensorFlow's libraries greet on stderr while they are loaded; shown only if that fails."""
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            held.seek(0)
            os.write(kept, held.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)
