"""Weights of a Keras model from HDF5, in both layouts that Keras 2 writes, checked before they are used.

The older layout has one group per layer, whose attribute ``weight_names`` names its datasets in order. The
newer one (``.keras``, ``.weights.h5``) has ``layers/<class>/vars/<number>``; where each layer's numbers
stand is asked from Keras itself.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import h5py
import numpy as np
from numpy.typing import NDArray

from trigml.data.hdf5 import number_dataset, refuse_foreign_content
from trigml.errors import BadInput

_Arrays: TypeAlias = dict[str, dict[str, NDArray[Any]]]
"""Per layer (its path in the newer layout) the values by their number."""


def read_weights(file: h5py.File, path: Path, model: Any) -> None:
    """Give ``model`` the weights of ``file``; all of them are read and checked before the first is set.

    Args:
        file: the open HDF5 file, by itself or as a part of ``path``.
        path: what messages call it.
        model: a built model; it decides which weights there have to be.

    Raises:
        BadInput: foreign content, a weight is missing, has another shape or kind, or is not finite.
    """
    refuse_foreign_content(file, path)
    root = file.get("model_weights", file)
    if isinstance(root, h5py.Group) and "layer_names" not in root.attrs and "layers" in root:
        _set_by_path(root, path, model)
        return
    if not isinstance(root, h5py.Group) or not any("weight_names" in root[name].attrs for name in root):
        raise BadInput(
            "the file holds no weights of a Keras model",
            where=str(path),
            expected="what model.save, model.save_weights or trigml writes",
        )
    pairs = [pair for layer in model.layers for pair in _pairs_of_layer(root, path, layer)]
    for variable, values in pairs:
        variable.assign(values)


def _pairs_of_layer(root: h5py.Group, path: Path, layer: Any) -> Iterator[tuple[Any, NDArray[Any]]]:
    """Each variable of a layer with its values from a file of the older layout."""
    if not layer.weights:
        return
    where = f"{path}: {layer.name}"
    group = root.get(layer.name)
    if not isinstance(group, h5py.Group):
        raise BadInput(
            "the weights do not fit the model: a layer is missing",
            where=where,
            expected=f"a group with {len(layer.weights)} datasets",
            found=f"groups {', '.join(list(root)[:8])}",
            remedy="take architecture and weights from the same model",
        )
    names = _weight_names(group, where)
    if len(names) != len(layer.weights):
        raise BadInput(
            "the weights do not fit the model",
            where=where,
            expected=f"{len(layer.weights)} datasets: {', '.join(v.name for v in layer.weights)}",
            found=f"{len(names)}: {', '.join(names)}" if names else "none",
        )
    for variable, name in zip(layer.weights, names, strict=True):
        shape, kind = tuple(variable.shape), np.dtype(variable.dtype.as_numpy_dtype)
        yield variable, _values(group, name, f"{path}: {layer.name}/{name}", shape, kind)


def _weight_names(group: h5py.Group, where: str) -> list[str]:
    """The attribute ``weight_names``, which Keras cuts into ``weight_names0`` ... where it is long."""
    parts = ["weight_names"] if "weight_names" in group.attrs else []
    while not parts or parts[0] != "weight_names":
        if f"weight_names{len(parts)}" not in group.attrs:
            break
        parts.append(f"weight_names{len(parts)}")
    names = [name for part in parts for name in np.ravel(group.attrs[part]).tolist()]
    texts = [name.decode("utf-8", "replace") if isinstance(name, bytes) else name for name in names]
    if not parts or not all(isinstance(text, str) for text in texts):
        raise BadInput(
            "the layer does not say how its weights are called", where=where, expected="weight_names"
        )
    return texts


def _values(
    group: h5py.Group, name: str, where: str, shape: Sequence[int], kind: np.dtype[Any]
) -> NDArray[Any]:
    dataset = number_dataset(group, name, where, kinds="f" if kind.kind == "f" else "iu")
    # the shape first: a dataset that was never written may claim any size
    if dataset.shape != tuple(shape):
        raise BadInput(
            "the weights do not fit the model",
            where=where,
            expected=f"finite numbers of shape {tuple(shape)}",
            found=f"shape {dataset.shape}",
            remedy="take architecture and weights from the same model",
        )
    stored = np.asarray(dataset[()])
    with np.errstate(over="ignore"):
        values = stored.astype(kind)
    if not np.all(np.isfinite(values)):
        bad = int(np.count_nonzero(~np.isfinite(values)))
        raise BadInput(
            "the weights do not fit the model",
            where=where,
            expected=f"finite numbers of shape {tuple(shape)}",
            found=f"{bad} of {values.size} are NaN or infinite in {kind.name}",
            remedy="train again; the training has diverged",
        )
    return values


def _set_by_path(root: h5py.Group, path: Path, model: Any) -> None:
    from tf_keras.src.saving import saving_lib

    expected = _Store({})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of QKeras' settings, which Keras looks through
        saving_lib._save_state(model, expected, None, "", set())
    found: _Arrays = {}
    for place, arrays in expected.content.items():
        where = f"{path}: {place or 'the model'}"
        group = root.get(f"{place}/vars" if place else "vars")
        if arrays and not isinstance(group, h5py.Group):
            raise BadInput(
                "the weights do not fit the model: a layer is missing",
                where=where,
                expected=f"a group vars with {len(arrays)} datasets",
                remedy="take architecture and weights from the same model",
            )
        if isinstance(group, h5py.Group) and len(group) != len(arrays):
            raise BadInput(
                "the weights do not fit the model",
                where=where,
                expected=f"{len(arrays)} datasets",
                found=str(len(group)),
            )
        found[place] = {
            name: _values(group, name, f"{where}/vars/{name}", array.shape, array.dtype)
            for name, array in arrays.items()
        }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        saving_lib._load_state(model, _Store(found), None, "", visited_trackables=set())


class _Store:
    """What Keras writes weights to and reads them from, in memory."""

    def __init__(self, content: _Arrays) -> None:
        self.content = content

    def make(self, path: str) -> dict[str, NDArray[Any]]:
        """A place for the values of the layer at ``path``."""
        return self.content.setdefault(path, {})

    def get(self, path: str) -> Mapping[str, NDArray[Any]]:
        """The values of the layer at ``path``."""
        return self.content.get(path, {})
