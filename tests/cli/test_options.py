"""Options that several commands share."""

import shlex
from pathlib import Path

from trigml.cli.options import model_words
from trigml.opening import OpenOptions


def test_the_next_command_opens_the_same_model() -> None:
    """Protects the suggested commands: they carry every option without which the model does not open."""
    options = OpenOptions(Path("w 1.h5"), "fixed<8,3>", "fixed<9,4>", Path("q.yml"), "table")
    given = "--weights|w 1.h5|--input-type|fixed<8,3>|--batchnorm-type|fixed<9,4>|--quantizers|q.yml"
    assert shlex.split(model_words(Path("my model.json"), options)) == [
        "my model.json",
        *given.split("|"),
        "--softmax",
        "table",
    ]
    assert model_words(Path("runs/demo"), OpenOptions()) == "runs/demo"
