"""A Keras model on disk: ``model.json`` (architecture) and ``weights.h5`` (Keras's own HDF5 layout).

Both are what ``model_from_json`` and ``load_weights`` of Keras read, too. They are written here, not by
Keras, so that the same model gives the same bytes and a full disk is an error instead of a crash in
HDF5. Loading runs no code that a file brings along: only layers of a fixed list are made.
"""

from __future__ import annotations

import io
import json
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from trigml.atomic import replacing_file, write_text
from trigml.data.hdf5 import number_dataset, open_hdf5, refuse_foreign_content
from trigml.errors import BadInput
from trigml.legacy_keras import load

ARCHITECTURE = "model.json"
WEIGHTS = "weights.h5"

_LAYERS = ("Functional", "Model", "InputLayer", "Dense", "ReLU", "QDense", "QActivation")
_PARTS = ("quantized_bits", "quantized_relu", "Clip", "QInitializer", "Zeros", "Ones", "GlorotUniform")
_CLASSES = frozenset([*_LAYERS, *_PARTS])
_MODULE = re.compile(r"(keras|tf_keras|qkeras)(\.[A-Za-z][A-Za-z0-9_]*)*")
_QUANTIZER = re.compile(r"quantized_(bits|relu)\([0-9a-z_=,. -]*\)")
_ACTIVATION = re.compile(rf"linear|relu|{_QUANTIZER.pattern}")
_INITIALIZER = re.compile(r"zeros|ones|glorot_uniform")
_NOTHING = re.compile(r"(?!)")
_TEXTS = {
    "activation": _ACTIVATION,
    "quantizer": _QUANTIZER,
    "initializer": _INITIALIZER,
    "constraint": _NOTHING,
    "regularizer": _NOTHING,
}
"""What may stand as text under a key that ends so; Keras and QKeras look such text up and call it."""


def save_model(model: Any, folder: Path) -> None:
    """Write ``model.json`` and ``weights.h5`` into ``folder``.

    Raises:
        BadInput: the place cannot be written.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # Keras does not know QKeras's constraint
        architecture = json.loads(model.to_json())
    write_text(folder / ARCHITECTURE, json.dumps(architecture, indent=1) + "\n")
    content = io.BytesIO()
    with h5py.File(content, "w", libver=("earliest", "v110")) as file:
        _write_weights(file, model)
    with replacing_file(folder / WEIGHTS) as beside:
        beside.write_bytes(content.getvalue())


def _write_weights(file: h5py.File, model: Any) -> None:
    file.attrs["layer_names"] = [layer.name.encode() for layer in model.layers]
    file.attrs["backend"] = b"tensorflow"
    file.attrs["keras_version"] = load().versions["tf-keras"].encode()
    for layer in model.layers:
        group = file.create_group(layer.name)
        group.attrs["weight_names"] = [_name_in_group(layer, variable).encode() for variable in layer.weights]
        for variable in layer.weights:
            group.create_dataset(_name_in_group(layer, variable), data=variable.numpy(), track_times=False)


def _name_in_group(layer: Any, variable: Any) -> str:
    """``dense_1/kernel:0``; Keras leaves the first part out of the names of a model that was reloaded."""
    return f"{layer.name}/{variable.name.rpartition('/')[2]}"


def load_model(folder: Path) -> Any:
    """Load a model that ``save_model`` wrote.

    Raises:
        BadInput: a file is missing, damaged, does not fit the other, or asks for layers outside the list.
    """
    path = folder / ARCHITECTURE
    try:
        text = path.read_text(encoding="utf-8")
        content = json.loads(text)
    except (OSError, ValueError, RecursionError) as error:
        raise BadInput("the model cannot be read", where=str(path), found=str(error)) from error
    _refuse_foreign_parts(content, path)
    modules = load()
    custom: dict[str, Any] = {}
    modules.qkeras.utils._add_supported_quantized_objects(custom)
    try:
        model = modules.keras.models.model_from_json(text, custom_objects=custom)
    except (ValueError, TypeError, KeyError, AttributeError, IndexError) as error:
        raise BadInput("the model is damaged", where=str(path), found=str(error)) from error
    model.set_weights(list(_read_weights(folder / WEIGHTS, model)))
    return model


def _refuse_foreign_parts(content: Any, path: Path) -> None:
    """Check every name that Keras or QKeras would import, look up or call while it makes the model."""
    for key, value in _entries(content):
        expected = _broken_rule(key, value)
        if expected is not None:
            raise BadInput(
                "the model has a part that is not loaded, because it could run code of the file",
                where=str(path),
                expected=expected,
                found=f"{key}: {json.dumps(value)}",
            )


def _broken_rule(key: str, value: Any) -> str | None:
    """What is expected under ``key`` if ``value`` is not that."""
    classes = isinstance(value, str) and value in _CLASSES
    if (key == "class_name" and not classes) or (
        key == "registered_name" and value is not None and not classes
    ):
        return ", ".join(sorted(_CLASSES))
    if key == "module" and value is not None and not (isinstance(value, str) and _MODULE.fullmatch(value)):
        return "a module of keras, tf_keras or qkeras"
    if isinstance(value, str):
        for ending, pattern in _TEXTS.items():
            if key.endswith(ending) and not pattern.fullmatch(value):
                return f"a known {ending}"
    return None


def _entries(content: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(content, dict):
        yield from content.items()
    values = content.values() if isinstance(content, dict) else content if isinstance(content, list) else ()
    for value in values:
        yield from _entries(value)


def _read_weights(path: Path, model: Any) -> Iterator[np.ndarray[Any, Any]]:
    with open_hdf5(path) as file:
        refuse_foreign_content(file, path)
        for layer in model.layers:
            for variable in layer.weights:
                name = f"{layer.name}/{_name_in_group(layer, variable)}"
                dataset = number_dataset(file, name, str(path), kinds="f")
                shape = tuple(variable.shape)
                # the shape first: a dataset that was never written may claim any size
                if dataset.shape != shape or not np.all(np.isfinite(values := dataset[()])):
                    raise BadInput(
                        "the weights do not fit the model",
                        where=f"{path}: {name}",
                        expected=f"finite numbers of shape {shape}",
                        found=f"shape {dataset.shape}",
                    )
                yield values.astype(np.float32)
