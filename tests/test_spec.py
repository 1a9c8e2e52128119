"""Specs: what is accepted, and that each mistake is explained where it was made."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from trigml.backends.hls.options import Strategy, options_from
from trigml.errors import BadInput
from trigml.spec import (
    Spec,
    TargetSpec,
    load_spec,
    shipped_specs,
    spec_from_text,
    spec_text,
    with_data_files,
    with_overrides,
)
from trigml.spec.mistakes import Schema

GOOD = """\
trigml: 1
name: toy
data:
  files: [events.h5]
  classes: [a, b]
inputs:
  format: ap_fixed<10,3,RND_CONV,SAT>
  features: [x, {name: y, offset: 1.0, shift: 2}]
model: {hidden: [8, 4]}
training: {learning_rate: 1e-3}
"""


REGRESSION = """\
trigml: 1
name: toy
task: regression
data: {files: [events.h5], classes: [a], target: energy}
inputs:
  format: ap_fixed<10,3,RND_CONV,SAT>
  features: [x, y]
model: {hidden: [8], linear: true}
output: {lsb: 0.0625, bits: 11}
training: {epochs: 3}
"""


def problem_with(old: str, new: str, good: str = GOOD) -> str:
    """The message for a good spec with one change."""
    assert old in good
    with pytest.raises(BadInput) as caught:
        spec_from_text(good.replace(old, new), "toy.yml")
    return str(caught.value)


def test_a_good_spec_is_read_with_its_defaults() -> None:
    """Names stand for features, 1e-3 is a number, and what is left out has a default."""
    spec = spec_from_text(GOOD, "toy.yml")
    assert spec.inputs.names == ("x", "y")
    assert spec.inputs.features[0].offset is None
    assert (spec.inputs.features[1].offset, spec.inputs.features[1].shift) == (1.0, 2)
    assert spec.training.learning_rate == 1e-3
    assert spec.quantization.weight_integer == "auto"
    assert spec.target.part == "xcvu13p-flga2577-2-e"


def test_the_text_of_a_spec_reads_back_to_the_same_spec() -> None:
    """A run keeps its resolved spec as YAML: nothing may be lost on that way."""
    spec = spec_from_text(GOOD, "toy.yml")
    resolved = with_overrides(spec, ["quantization.weight_integer=[1, 2, 1]", "gate.max_auc_loss=0.01"])
    assert spec_from_text(spec_text(resolved), "again") == resolved
    assert resolved.quantization.weight_integer == (1, 2, 1)


@pytest.mark.parametrize(
    ("old", "new", "parts"),
    [
        ("hidden:", "hiden:", ["unknown key 'model.hiden'", "toy.yml, line 9", "did you mean model.hidden?"]),
        ("name: toy", "nmae: toy", ["unknown key 'nmae'", "line 2", "did you mean name?"]),
        ("shift: 2", "shfit: 2", ["inputs.features[1].shfit", "line 8", "inputs.features[1].shift?"]),
        ("name: toy", "name: toy\nepochs: 3", ["unknown key 'epochs'", "did you mean training.epochs"]),
        ("name: toy\n", "", ["the key 'name' is missing"]),
        ("[8, 4]", "[8, four]", ["model.hidden[1]", "line 9", "a valid integer", '"four"']),
        ("[8, 4]", "[8, 0]", ["model.hidden[1]", "greater than or equal to 1", "found:    0"]),
        ("[8, 4]", "8", ["model.hidden", "found:    8"]),
        ("1e-3", "-1", ["training.learning_rate", "line 10", "greater than 0", "found:    -1"]),
        ("1e-3", ".nan", ["training.learning_rate", "a finite number"]),
        ("offset: 1.0", "offset: .inf", ["inputs.features[1].offset", "a finite number"]),
        ("{learning_rate: 1e-3}", "{epochs: 2.5}", ["training.epochs", "a valid integer", "found:    2.5"]),
        ("{learning_rate: 1e-3}", "{epochs: true}", ["training.epochs", "a valid integer", "found:    true"]),
        ("[a, b]", "[a, no]", ["data.classes[1]", "a valid string", "found:    false"]),
        ("[a, b]", "[a, a]", ["data.classes", "'a' is repeated"]),
        ("[a, b]", "[a]", ["data.classes", "at least two names", "not 1"]),
        ("[x, {", "[y, {", ["inputs.features", "'y' is repeated"]),
        (", shift: 2", "", ["inputs.features[1]", "offset and shift together"]),
        ("RND_CONV,SAT", "TRN,WRAP", ["inputs.format", "RND_CONV", "ap_fixed<10,3,TRN,WRAP>"]),
        ("ap_fixed<10,3,", "ap_fixed<30,3,", ["inputs.format", "2 to 24 bits"]),
        ("ap_fixed<10,3,", "ap_fixed<10,0,", ["inputs.format", "1 to 24 integer bits"]),
        ("ap_fixed<10,3,RND_CONV,SAT>", "float", ["inputs.format", "for example ap_fixed<", "float"]),
        ("name: toy", "name: my toy", ["the value of 'name'", "match pattern"]),
        ("trigml: 1", "trigml: 2", ["written for a newer trigml", "trigml: 2", "install a newer trigml"]),
        (
            "training:",
            "quantization: {weight_integer: [1, 2]}\ntraining:",
            ["contradicts itself", "3 numbers in quantization.weight_integer", "not 2"],
        ),
        (
            "training:",
            "quantization: {weight_integer: 0}\ntraining:",
            ["quantization.weight_integer", "an integer from 1 to 16"],
        ),
        (
            "training:",
            "target: {strategy: distributed_arithmetic}\ntraining:",
            ["target.strategy", "'latency' or 'resource'"],
        ),
        ("training:", "target: {clock_ns: 0.4}\ntraining:", ["target.clock_ns", "equal to 0.5"]),
        ("training:", "target: {clock_ns: 1001}\ntraining:", ["target.clock_ns", "equal to 1000"]),
        ("training:", "target: {part: 'a; exec ls'}\ntraining:", ["target.part", "match pattern"]),
        ("training:", "target: {part: 'a[exec ls]'}\ntraining:", ["target.part", "match pattern"]),
        ("training:", 'target: {part: "a\\n"}\ntraining:', ["target.part", "match pattern"]),
        ("training:", "target: {part: '-part'}\ntraining:", ["target.part", "match pattern"]),
        (
            "files: [events.h5]",
            "files: [events.h5]\n  split: {train: 0.5, validation: 0.2, test: 0.2}",
            ["data.split", "add up to 1, not 0.9"],
        ),
    ],
)
def test_a_mistake_is_named_with_its_place(old: str, new: str, parts: list[str]) -> None:
    """Each wrong key or value gets file, line, key path, what was expected and what was found."""
    message = problem_with(old, new)
    for part in parts:
        assert part in message


def test_a_regression_is_read_with_its_defaults() -> None:
    """One particle type is enough, the loss is relative, and the word's format follows from lsb and bits."""
    spec = spec_from_text(REGRESSION, "toy.yml")
    assert (spec.loss.kind, spec.loss.delta) == ("relative", None)
    assert spec.output is not None
    assert str(spec.output.fixed_point) == "ap_ufixed<11,7,RND_CONV,SAT>"
    assert spec_from_text(spec_text(spec), "again") == spec


@pytest.mark.parametrize(
    ("old", "new", "parts"),
    [
        (", target: energy", "", ["contradicts itself", "data.target, the column"]),
        ("[x, y]", "[x, energy]", ["data.target 'energy' not to be among inputs.features"]),
        ("output: {lsb: 0.0625, bits: 11}\n", "", ["output, the lsb and bits"]),
        ("lsb: 0.0625", "lsb: 0.1", ["output.lsb", "power of two", "0.1"]),
        ("lsb: 0.0625", "lsb: 0", ["output.lsb", "power of two", "0"]),
        ("bits: 11", "bits: 30", ["output.bits", "less than or equal to 16"]),
        ("epochs: 3", "loss: {kind: cross_entropy}", ["relative, quantile or gaussian", "not cross_entropy"]),
        ("epochs: 3", "loss: {kind: quantile}", ["training.loss", "quantile with the loss quantile"]),
        ("epochs: 3", "loss: {kind: gaussian, delta: 0.1}", ["training.loss", "delta only with"]),
        ("training:", "gate: {min_auc: 0.5}\ntraining:", ["gate.min_auc only with task: classification"]),
        ("true}", "false}\nquantization: {linear_bits: 8}", ["linear_bits only with model.linear"]),
        ("regression", "classification", ["at least two names"]),
        (
            "regression\ndata: {files: [events.h5], classes: [a]",
            "classification\ndata: {files: [events.h5], classes: [a, b]",
            ["data.target only with task: regression"],
        ),
    ],
)
def test_a_mistake_of_a_regression_is_explained(old: str, new: str, parts: list[str]) -> None:
    """What a task needs, and what belongs to the other task, is said in one message."""
    message = problem_with(old, new, REGRESSION)
    for part in parts:
        assert part in message


@pytest.mark.parametrize(
    ("new", "part"),
    [
        ("output: {lsb: 1, bits: 8}", "output only with task: regression"),
        ("training: {loss: {kind: relative}}", "training.loss to be cross_entropy"),
        ("gate: {max_bias: 0.1}", "gate.max_bias only with task: regression"),
    ],
)
def test_a_classification_refuses_what_belongs_to_a_regression(new: str, part: str) -> None:
    """A key that would be ignored is an error."""
    assert part in problem_with("training: {learning_rate: 1e-3}", new)


@pytest.mark.parametrize(
    ("old", "new", "parts"),
    [
        ("{hidden", "{{hidden", ["not valid YAML", "toy.yml, line 10, column 1"]),
        ("name: toy", "name: toy\n\tx: 3", ["not valid YAML", "line 3, column 1", "indent with spaces"]),
        ("name: toy", "name: toy\nname: x", ["the key 'name' is there twice", "line 3", "line 2"]),
        ("{hidden: [8, 4]}", "{hidden: [8], hidden: [4]}", ["the key 'hidden' is there twice", "line 9"]),
        ("[a, b]", "[a, &x b]", ["anchors and aliases", "line 5, column 16"]),
        (
            "toy",
            "!!python/object/apply:os.getcwd []",
            ["not valid YAML", "could not determine a constructor"],
        ),
        ("toy", "2026-13-40", ["cannot be read", "month must be in 1..12"]),
        ("toy", "[" * 30 + "]" * 30, ["nested too deeply"]),
        ("name: toy", "name: toy\n---\nname: other", ["not valid YAML", "line 3"]),
        (GOOD, "- a\n- b\n", ["a list of keys and values", "found:    list"]),
        (GOOD, "", ["a list of keys and values", "found:    nothing"]),
        (GOOD, "x: " + "y" * 1_000_001, ["this YAML file is too large"]),
    ],
)
def test_broken_yaml_is_named_with_line_and_column(old: str, new: str, parts: list[str]) -> None:
    """Text that is not plain YAML is refused before anything is made of it."""
    message = problem_with(old, new)
    for part in parts:
        assert part in message


@pytest.mark.parametrize(
    "name",
    [
        "nnet",
        "main",
        "features",
        "weights",
        "result_t",
        "while",
        "static_cast",
        "std",
        "linux",
        "defines",
        "in",
    ],
)
def test_a_name_that_generated_code_cannot_use_is_refused(name: str) -> None:
    """The spec's name becomes the top function: one that would not compile is refused before training."""
    message = problem_with("name: toy", f"name: {name}")
    for part in ("the value of 'name' cannot be used", "line 2", "top function", f'"{name}"', f"{name}_net"):
        assert part in message
    assert spec_from_text(GOOD.replace("name: toy", f"name: {name}_net"), "toy.yml").name == f"{name}_net"


def test_the_target_is_what_synth_takes() -> None:
    """A spec offers the strategies and the clocks of an HLS project, no more and no fewer."""
    strategies = get_args(TargetSpec.model_fields["strategy"].annotation)
    assert set(strategies) == {strategy.value for strategy in Strategy}
    for clock_ns in (0.5, 1000.0):
        options_from("vitis", part=None, clock_ns=clock_ns, io="parallel", strategy="latency", reuse_factor=1)
        assert with_overrides(spec_from_text(GOOD, "toy"), [f"target.clock_ns={clock_ns}"])
    for clock_ns in (0.499, 1000.1):
        with pytest.raises(BadInput, match="out of range"):
            options_from(
                "vitis", part=None, clock_ns=clock_ns, io="parallel", strategy="latency", reuse_factor=1
            )
        with pytest.raises(BadInput, match=r"target\.clock_ns"):
            with_overrides(spec_from_text(GOOD, "toy"), [f"target.clock_ns={clock_ns}"])


def test_loading_specs_is_light() -> None:
    """The schema does not pull in the libraries that take seconds to import."""
    program = (
        "import sys, trigml.spec; print([m for m in ('tensorflow', 'hls4ml', 'sklearn') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_several_mistakes_are_all_pointed_at() -> None:
    """The first mistake is told in full, and the others are at least named."""
    message = problem_with("model: {hidden: [8, 4]}\n", "model: {hidden: []}\ngate: {min_auc: 2}\n")
    assert "gate.min_auc" in message
    assert "model.hidden" in message


def test_overrides_change_single_keys() -> None:
    """``--set`` takes YAML values, the later one wins, and the spec it started from stays as it was."""
    spec = spec_from_text(GOOD, "toy.yml")
    changed = with_overrides(
        spec, ["training.epochs=3", "data.files=[a.h5, b.h5]", "inputs.features=[u, v]", "training.epochs=4"]
    )
    assert changed.training.epochs == 4
    assert changed.data.files == ("a.h5", "b.h5")
    assert changed.inputs.names == ("u", "v")
    assert spec.training.epochs != 4
    assert with_overrides(changed, ["gate.min_auc=0.9", "gate.min_auc=null"]) == changed


def test_data_files_replace_those_of_the_spec() -> None:
    """``--data`` takes names as they are, also those that YAML would read as something else."""
    spec = spec_from_text(GOOD, "toy.yml")
    assert with_data_files(spec, ["[a, b].h5", "no"]).data.files == ("[a, b].h5", "no")
    assert with_data_files(spec, []) is spec
    with pytest.raises(BadInput, match=r"--data[\s\S]*data\.files\[0\]"):
        with_data_files(spec, [""])


@pytest.mark.parametrize(
    ("override", "parts"),
    [
        ("training.epoch=3", ["unknown key 'training.epoch'", "did you mean training.epochs?"]),
        ("epochs=3", ["unknown key 'epochs'", "training.epochs"]),
        ("zzz=3", ["unknown key 'zzz'", "one of: trigml, name"]),
        ("training={}", ["'training' is a section", "training.epochs"]),
        ("training.epochs=many", ["training.epochs", "a valid integer", '"many"']),
        ("training.epochs", ["wants a key and a value"]),
        ("training.epochs=[", ["not valid YAML"]),
        ("model.hidden=[8]\ntraining: {}", ["not valid YAML"]),
    ],
)
def test_a_wrong_override_is_explained(override: str, parts: list[str]) -> None:
    """A mistyped ``--set`` names the override and the nearest keys."""
    with pytest.raises(BadInput) as caught:
        with_overrides(spec_from_text(GOOD, "toy.yml"), [override])
    for part in [*parts, "--set"]:
        assert part in str(caught.value)


def test_shipped_specs_load_by_their_bare_names() -> None:
    """Every spec in models/ is valid, and its name is its file's."""
    assert {"jet_tagger_hlf", "photon_id", "electron_id", "energy_calibration"} <= set(shipped_specs())
    for name in shipped_specs():
        assert load_spec(name).name == name


def test_an_unknown_shipped_spec_gets_the_nearest_name() -> None:
    """A typing error in a bare name is answered with the right one."""
    with pytest.raises(
        BadInput, match=r"no shipped spec 'jet_taggr_hlf'[\s\S]*did you mean jet_tagger_hlf\?"
    ):
        load_spec("jet_taggr_hlf")


def test_a_bare_name_does_not_hide_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Someone whose file bears a bare name is told how to name it."""
    monkeypatch.chdir(tmp_path)
    Path("mine.yml").write_text(GOOD)
    with pytest.raises(BadInput, match=r"write \./mine\.yml"):
        load_spec("mine")
    assert load_spec("mine.yml") == load_spec("./mine.yml")


def test_files_that_cannot_be_read_are_explained(tmp_path: Path) -> None:
    """A missing file, a folder and a binary file have one message each."""
    with pytest.raises(BadInput, match="there is no such spec file"):
        load_spec(tmp_path / "none.yml")
    with pytest.raises(BadInput, match="shipped spec is called jet_tagger_hlf"):
        load_spec(tmp_path / "jet_tagger_hfl.yml")
    (tmp_path / "binary.yml").write_bytes(b"\x89HDF\xff\xfe")
    with pytest.raises(BadInput, match="not a text file"):
        load_spec(tmp_path / "binary.yml")
    (tmp_path / "folder.yml").mkdir()
    with pytest.raises(BadInput, match="cannot read the spec: Is a directory"):
        load_spec(tmp_path / "folder.yml")


def test_the_documentation_explains_every_key() -> None:
    """docs/spec.md names each key of the schema, so that none is added without an explanation."""
    text = (Path(__file__).parents[1] / "docs" / "spec.md").read_text(encoding="utf-8")
    names = [".".join(path) for path in Schema(Spec, "spec").key_paths()]
    missing = [name for name in names if f"`{name}`" not in text]
    assert missing == []


TIME = "a positive number with one of the units ns, us, BX (bunch crossings) or cycles"
AMOUNT = "a whole number from 0, or a share"


@pytest.mark.parametrize(
    ("budget", "parts"),
    [
        ("latency: 100", ["budget.latency", TIME, "found:    100"]),
        ("latency: 100 ms", ["budget.latency", TIME, '"100 ms"']),
        ("latency: -5 ns", ["budget.latency", TIME, '"-5 ns"']),
        ("latency: 0 BX", ["budget.latency", TIME]),
        ("latency: ns", ["budget.latency", TIME]),
        ("initiation_interval: 0", ["budget.initiation_interval", TIME, "found:    0"]),
        ("initiation_interval: true", ["budget.initiation_interval", TIME]),
        ("initiation_interval: 2.5", ["budget.initiation_interval", TIME]),
        ("latncy: 4 BX", ["unknown key 'budget.latncy'", "did you mean budget.latency?"]),
        ("resources: {LUTs: 5}", ["unknown key", "did you mean budget.resources.LUT?"]),
        ("resources: {LUT: -5}", ["budget.resources.LUT", AMOUNT, "found:    -5"]),
        ("resources: {LUT: 5.5}", ["budget.resources.LUT", AMOUNT]),
        ("resources: {LUT: true}", ["budget.resources.LUT", AMOUNT]),
        ("resources: {LUT: 120 %}", ["budget.resources.LUT", AMOUNT, '"120 %"']),
        ("resources: {LUT: 5 % of a rgion}", ["budget.resources.LUT", AMOUNT]),
        ("resources: {LUT: '5'}", ["budget.resources.LUT", AMOUNT]),
        ("part: 'a b'", ["budget.part", "match pattern"]),
    ],
)
def test_a_wrong_budget_is_explained(budget: str, parts: list[str]) -> None:
    """A wrong unit, a negative number and an unknown resource are refused before anything is trained."""
    message = problem_with("training:", f"budget: {{{budget}}}\ntraining:")
    for part in parts:
        assert part in message


def test_a_budget_is_kept_as_it_was_meant() -> None:
    """However it is written, a budget has one form in a run's spec; without one nothing is asked."""
    resources = "{LUT: 5%, FF: 100, DSP: 2.50 % of one SLR}"
    text = f"budget: {{latency: 4bx, initiation_interval: 1, resources: {resources}}}\ntraining:"
    spec = spec_from_text(GOOD.replace("training:", text), "toy.yml")
    assert (spec.budget.latency, spec.budget.initiation_interval) == ("4 BX", "1 cycle")
    found = spec.budget.resources
    assert (found.LUT, found.FF, found.DSP) == ("5 % of the part", 100, "2.5 % of a region")
    assert list(spec.budget.times) == ["latency", "initiation interval"]
    assert list(found.limits) == ["LUT", "FF", "DSP"]
    assert spec_from_text(spec_text(spec), "again") == spec
    assert not spec_from_text(GOOD, "toy.yml").budget.asks
    assert with_overrides(spec_from_text(GOOD, "toy.yml"), ["budget.resources.ALM=0"]).budget.asks
