"""Hidden layers of a spec: convolutions on the image of cells (imports TensorFlow)."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from trigml.contract import InputContract
from trigml.data.layout import Column, EventsWriter
from trigml.emulation.numpy_emulator import emulate
from trigml.errors import BadInput
from trigml.fixedpoint import to_values
from trigml.frontends.keras_reference import KerasReference
from trigml.frontends.qkeras import graph_from_qkeras
from trigml.graph import operations as ops
from trigml.opening import open_model
from trigml.spec import Spec, spec_from_text
from trigml.training.architecture import copy_weights, float_model, initial_weights, quantized_model
from trigml.training.calibration import layer_outputs, resolve_integer_bits
from trigml.training.formats import LayerFormats
from trigml.training.loop import outputs
from trigml.training.session import train_run
from trigml.verify.building import StageName
from trigml.verify.verification import verify

SEGMENTS, LENGTH = 2, 5
CELLS = SEGMENTS * LENGTH * LENGTH


def spec_of(
    convolutions: str, *, integers: bool = True, image: str = "[2, 5, 5]", file: str = "none.h5"
) -> Spec:
    bits = ", weight_integer: 1, bias_integer: 1, activation_integer: 2" if integers else ""
    return spec_from_text(
        f"""\
trigml: 1
name: image
data: {{files: [{file}], classes: [a, b]}}
inputs:
  format: ap_fixed<8,4,RND_CONV,SAT>
  cells: {{column: energy, count: {CELLS}, offset: 0, shift: 0, images: [{image}]}}
model: {{kind: cnn, convolutions: [{convolutions}], hidden: [6]}}
quantization: {{weight_bits: 6, bias_bits: 6, activation_bits: 6{bits}}}
training: {{epochs: 2, batch_size: 64, symmetries: [mirror_x, mirror_y], quantized: {{epochs: 1}}}}
baseline: {{kind: none}}
""",
        "image.yml",
    )


def contract_of(spec: Spec) -> InputContract:
    return InputContract.plain("e", CELLS, spec.inputs.fixed_point)


def filled(model: Any) -> Any:
    model.set_weights(initial_weights(model, 1))
    return model


CONVOLUTIONS = [
    ("{filters: 3, size: 3}", (3, 3, 3), 27),
    ("{filters: 3, size: 3, padding: same, pool: 2}", (5, 5, 3), 12),
    ("{filters: 2, size: 3, padding: same, stride: 2}", (3, 3, 2), 18),
    ("{filters: 3, size: 2}, {filters: 2, size: 2, stride: 2}", (4, 4, 3), 8),
    ("{filters: 2, size: 3, stride: 2}", (2, 2, 2), 8),
]


@pytest.mark.slow
@pytest.mark.parametrize(("convolutions", "first", "flat"), CONVOLUTIONS)
def test_the_quantised_model_and_its_graph_agree(
    convolutions: str, first: tuple[int, ...], flat: int
) -> None:
    """Shapes and formats are those of the spec, and no output differs from Keras all over the range."""
    spec = spec_of(convolutions)
    contract = contract_of(spec)
    model = filled(quantized_model(spec, contract))
    graph = graph_from_qkeras(model, contract)
    assert graph["conv_1"].shape == first
    assert graph["image_features"].shape == (flat,)
    formats = LayerFormats.of(spec)
    weighted = [operation for operation in graph.operations if isinstance(operation, ops.Linear)]
    assert [operation.weight_format for operation in weighted] == list(formats.weights)
    assert [operation.bias_format for operation in weighted] == list(formats.biases)
    words = np.random.default_rng(0).integers(-128, 128, size=(300, CELLS))
    exact = to_values(emulate(graph, words), graph.output.format.fraction)
    np.testing.assert_array_equal(exact, outputs(model, contract.model_inputs(words)))


@pytest.mark.slow
@pytest.mark.parametrize("features", [0, 2])
@pytest.mark.parametrize("quantized", [False, True])
def test_inputs_beside_the_image_join_its_features(features: int, quantized: bool) -> None:
    """Features and the cells of other images reach the first dense layer as they are, behind the image's."""
    names = ", ".join(f"f{index}" for index in range(features))
    spec = spec_from_text(
        f"""\
trigml: 1
name: beside
data: {{files: [none.h5], classes: [a, b]}}
inputs:
  format: ap_fixed<8,4,RND_CONV,SAT>
  features: [{names}]
  cells: {{column: e, count: 22, offset: 0, shift: 0, images: [[2, 3, 3], [1, 2, 2]]}}
model: {{kind: cnn, convolutions: [{{filters: 3, size: 2}}], hidden: [4]}}
quantization: {{weight_integer: 1, bias_integer: 1, activation_integer: 2}}
""",
        "beside.yml",
    )
    contract = InputContract.plain("e", features + 22, spec.inputs.fixed_point)
    words = np.random.default_rng(0).integers(-128, 128, size=(50, features + 22))
    values = contract.model_inputs(words)
    model = filled(quantized_model(spec, contract) if quantized else float_model(spec))
    (joined,) = layer_outputs(model, ["joined"], values)
    assert joined.shape == (50, 2 * 2 * 3 + features + 4)
    np.testing.assert_array_equal(joined[:, 12:], np.delete(values, range(features, features + 18), axis=1))
    if quantized:
        graph = graph_from_qkeras(model, contract)
        exact = to_values(emulate(graph, words), graph.output.format.fraction)
        np.testing.assert_array_equal(exact, outputs(model, values))


@pytest.mark.slow
def test_a_regression_behind_convolutions_is_exact(toy_calorimeter: ModuleType) -> None:
    """Convolutions, cells beside them and a linear path from all inputs give one word, as in QKeras."""
    spec = toy_calorimeter.toy_energy_spec(
        Path("none.h5"),
        "model.kind=cnn",
        "model.convolutions=[{filters: 2, size: 2}]",
        "inputs.cells.count=22",
        "inputs.cells.images=[[2, 3, 3], [1, 2, 2]]",
    )
    contract = InputContract.plain("e", 22, spec.inputs.fixed_point)
    inputs = np.random.default_rng(0).exponential(1.0, (300, 22)).astype(np.float32)
    reference = filled(float_model(spec))
    resolved = resolve_integer_bits(spec, reference, inputs)
    model = quantized_model(resolved, contract)
    copy_weights(reference, model)
    graph = graph_from_qkeras(model, contract)
    assert spec.output is not None
    assert graph.output.format == spec.output.fixed_point
    words = contract.words(inputs)
    given = emulate(graph, words)
    assert len(np.unique(given)) > 10
    expected = KerasReference(model, graph).outputs(contract.model_inputs(words))
    np.testing.assert_array_equal(expected, given)


@pytest.mark.slow
def test_segments_are_channels_and_rows_come_before_columns() -> None:
    """A convolution that picks one neighbour in one segment finds that cell of (segment, y, x)."""
    spec = spec_of("{filters: 1, size: 2}")
    model = float_model(spec)
    kernel = np.zeros((2, 2, SEGMENTS, 1), np.float32)
    kernel[0, 1, 1, 0] = 1  # the next column in the same row, segment 1
    model.get_layer("conv_1").set_weights([kernel, np.zeros(1, np.float32)])
    cells = np.random.default_rng(0).uniform(0, 1, (4, CELLS)).astype(np.float32)
    (found,) = layer_outputs(model, ["conv_relu_1"], cells)
    expected = cells.reshape(4, SEGMENTS, LENGTH, LENGTH)[:, 1, :-1, 1:]
    np.testing.assert_array_equal(found[..., 0], expected)


@pytest.mark.slow
def test_integer_bits_are_chosen_for_convolutions_as_for_dense_layers() -> None:
    """One number per layer, convolutions first, each from the layer's own weights and activations."""
    spec = spec_of("{filters: 3, size: 3}", integers=False)
    model = filled(float_model(spec))
    weights = model.get_weights()
    model.get_layer("conv_1").set_weights([weights[0] * 16, weights[1] + 3])
    inputs = np.random.default_rng(0).uniform(0, 1, (500, CELLS)).astype(np.float32)
    bits = resolve_integer_bits(spec, model, inputs).quantization
    assert isinstance(bits.weight_integer, tuple)
    assert isinstance(bits.activation_integer, tuple)
    assert (len(bits.weight_integer), len(bits.activation_integer)) == (3, 2)
    assert bits.weight_integer[0] >= bits.weight_integer[1] + 3
    assert bits.bias_integer == (3, 1, 1)
    assert bits.activation_integer[0] >= 3


@pytest.mark.slow
def test_initial_kernels_have_the_width_of_their_sums() -> None:
    """He's variance is 2 / (window x channels) for a convolution."""
    model = filled(float_model(spec_of("{filters: 64, size: 3}")))
    assert model.get_weights()[0].std() == pytest.approx(np.sqrt(2 / (9 * SEGMENTS)), rel=0.1)


@pytest.mark.parametrize(
    ("convolutions", "image", "message"),
    [
        ("{filters: 3, size: 6}", "[2, 5, 5]", r"larger than the windows[\s\S]*number 1[\s\S]*5 × 5"),
        ("{filters: 3, size: 3, pool: 4}", "[2, 5, 5]", r"number 1 and its pool"),
        ("{filters: 3, size: 4}, {filters: 3, size: 3}", "[2, 5, 5]", r"number 2 and its pool get 2 × 2"),
        ("{filters: 3}", "[2, 5, 5]", r"convolutions\[0\]\.size"),
        ("{filters: 3, size: 3, padd: same}", "[2, 5, 5]", r"convolutions\[0\]\.padding"),
        ("", "[2, 5, 5]", "model.convolutions with kind: cnn"),
    ],
)
def test_convolutions_that_a_spec_cannot_ask_for(convolutions: str, image: str, message: str) -> None:
    """What does not fit the image is found when the spec is read, before any event is."""
    with pytest.raises(BadInput, match=message):
        spec_of(convolutions, image=image)


def test_convolutions_need_an_image() -> None:
    """Without the shape of an image there is nothing to convolve."""
    with pytest.raises(BadInput, match=r"inputs\.cells\.images where there are model\.convolutions"):
        spec_from_text(
            "trigml: 1\nname: t\ndata: {files: [f], classes: [a, b]}\n"
            'inputs: {format: "ap_fixed<8,4,RND_CONV,SAT>", cells: {column: e, count: 4}}\n'
            "model: {kind: cnn, convolutions: [{filters: 1, size: 1}], hidden: [2]}\n",
            "t.yml",
        )


def write_images(path: Path) -> None:
    """600 events whose energy lies in a row (class a) or in a column (class b) of the second segment."""
    rng = np.random.default_rng(3)
    labels = rng.integers(0, 2, 600)
    images = rng.exponential(0.2, (600, SEGMENTS, LENGTH, LENGTH))
    for image, label in zip(images, labels, strict=True):
        place = rng.integers(0, LENGTH)
        image[(1, place) if label == 0 else (1, slice(None), place)] += 2
    with EventsWriter(
        path,
        title="images",
        features=[Column("none", "")],
        constituents=[Column("energy", "GeV")],
        n_constituents=CELLS,
        class_names=("a", "b"),
    ) as writer:
        writer.append(
            event_id=np.arange(600),
            features={"none": np.zeros(600)},
            constituents={"energy": images.reshape(600, CELLS)},
            labels=labels,
        )


@pytest.mark.slow
def test_a_trained_cnn_is_exact_in_every_stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From events to a run, and the same words from NumPy, C++ and shift-and-add logic."""
    monkeypatch.setattr("trigml.reports.roc_plot.write_roc_plot", lambda *_, **__: None)
    write_images(tmp_path / "images.h5")
    spec = spec_of("{filters: 2, size: 3, stride: 2}", integers=False, file=str(tmp_path / "images.h5"))
    summary = train_run(spec, tmp_path / "run", quantize=True)
    assert summary.evaluation.test_events > 100
    stages = [StageName.NATIVE, StageName.LOGIC]
    found = verify(open_model(tmp_path / "run"), stages=stages, random_count=2000)
    assert found.comparison.first_difference is None
    assert len(found.comparison.stages) == 3
    assert found.comparison.stages[1].words > 2000
