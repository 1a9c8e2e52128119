"""A Keras model on disk: ``model.json`` (architecture) and ``weights.h5`` (Keras's own HDF5 layout).

Both are what ``model_from_json`` and ``load_weights`` of Keras read, too. They are written here, not by
Keras, so that the same model gives the same bytes and a full disk is an error instead of a crash in
HDF5.
"""

from __future__ import annotations

import io
import json
import warnings
from pathlib import Path
from typing import Any

import h5py

from trigml.atomic import replacing_file, write_text
from trigml.frontends.keras_files import ARCHITECTURE, WEIGHTS, load_keras_model
from trigml.legacy_keras import load


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
        BadInput: a file is missing, damaged, does not fit the other, or asks for parts that could run code.
    """
    return load_keras_model(folder)
