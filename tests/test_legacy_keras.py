"""Importing Keras 2 for QKeras."""

import os
import subprocess
import sys
import textwrap

import pytest

from trigml.legacy_keras import load


def run_python(program: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "TF_USE_LEGACY_KERAS"}
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        capture_output=True, text=True, check=False, env=environment,
    )  # fmt: skip


def test_the_libraries_belong_together() -> None:
    """Protects that QKeras works on tf-keras, and that versions are told."""
    modules = load()
    assert modules.keras.__name__ == "tf_keras"
    assert issubclass(modules.qkeras.QDense, modules.keras.layers.Layer)
    assert set(modules.versions) == {"tensorflow", "tf-keras", "qkeras"}
    assert load() is modules


def test_tensorflow_with_another_keras_is_refused() -> None:
    """Protects a user's own program that imported TensorFlow first: a remedy instead of a strange failure."""
    done = run_python("""
        import sys, types
        sys.modules["tensorflow"] = types.ModuleType("tensorflow")
        from trigml.errors import BadInput
        from trigml.legacy_keras import load
        try:
            load()
        except BadInput as error:
            print(error.remedy)
    """)
    assert done.stdout.startswith("import trigml.legacy_keras and call load() before"), done.stderr


@pytest.mark.slow
def test_importing_is_quiet_and_needs_no_preparation() -> None:
    """Protects stdout for data and stderr for messages; and that trigml itself imports nothing heavy."""
    done = run_python("""
        import sys
        import trigml.frontends.qkeras, trigml.verify.stages, trigml.backends.hls, trigml.backends.rtl
        assert not {"tensorflow", "tf_keras", "qkeras", "hls4ml", "alkaid"} & set(sys.modules)
        from trigml.legacy_keras import load
        load()
    """)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
