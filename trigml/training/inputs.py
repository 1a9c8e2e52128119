"""From the inputs of a spec to the input contract; offsets and scales that it leaves out are fitted."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from trigml.contract import InputContract, InputFeature, feature_over, fitted_feature, fitted_range
from trigml.data.layout import Column
from trigml.errors import BadInput
from trigml.fixedpoint import FixedPoint
from trigml.spec import CellsSpec, FeatureSpec, Spec
from trigml.training.events import Floats, SplitEvents


def input_contract(spec: Spec, events: SplitEvents) -> InputContract:
    """The input contract of a spec; offsets and scales that it leaves out are fitted on training events.

    Raises:
        BadInput: a feature is constant, or an offset of the spec is not a multiple of its LSB.
    """
    format_ = spec.inputs.fixed_point
    sample, columns = events.sample.features, events.source.columns
    own = len(spec.inputs.features)
    features = [
        _feature(wanted, found, sample[:, place], format_)
        for place, (wanted, found) in enumerate(zip(spec.inputs.features, columns, strict=False))
    ]
    if spec.inputs.cells is not None:
        features += _cells(spec.inputs.cells, columns[own:], sample[:, own:], format_)
    return InputContract(tuple(features), format_)


def with_contract(spec: Spec, contract: InputContract) -> Spec:
    """The spec with the numbers of its input contract filled in."""
    own = len(spec.inputs.features)
    features = tuple(
        FeatureSpec(name=f.name, offset=f.offset, shift=f.shift) for f in contract.features[:own]
    )
    filled: dict[str, object] = {"features": features}
    if spec.inputs.cells is not None:
        cells = contract.features[own:]
        offsets, shifts = tuple(f.offset for f in cells), tuple(f.shift for f in cells)
        shared = len(set(offsets)) == len(set(shifts)) == 1
        filled["cells"] = spec.inputs.cells.model_copy(
            update={
                "count": len(cells),
                "offset": offsets[0] if shared else offsets,
                "shift": shifts[0] if shared else shifts,
            }
        )
    return spec.model_copy(update={"inputs": spec.inputs.model_copy(update=filled)})


def _feature(
    wanted: FeatureSpec, found: Column, values: NDArray[np.float32], format_: FixedPoint
) -> InputFeature:
    if wanted.offset is None or wanted.shift is None:
        return fitted_feature(wanted.name, found.unit, values, format_)
    return InputFeature(wanted.name, found.unit, wanted.offset, wanted.shift)


def _cells(
    wanted: CellsSpec, columns: Sequence[Column], values: Floats, format_: FixedPoint
) -> list[InputFeature]:
    count = len(columns)
    if wanted.offset is not None and wanted.shift is not None:
        offsets = wanted.offset if isinstance(wanted.offset, tuple) else (wanted.offset,) * count
        shifts = wanted.shift if isinstance(wanted.shift, tuple) else (wanted.shift,) * count
        return [
            InputFeature(column.name, column.unit, offset, shift)
            for column, offset, shift in zip(columns, offsets, shifts, strict=True)
        ]
    if wanted.scale == "each":
        return [
            fitted_feature(column.name, column.unit, values[:, place], format_)
            for place, column in enumerate(columns)
        ]
    shared = _shared(wanted.column, columns[0].unit, values, format_)
    return [InputFeature(column.name, column.unit, shared.offset, shared.shift) for column in columns]


def _shared(name: str, unit: str, values: Floats, format_: FixedPoint) -> InputFeature:
    """One offset and scale for all cells: 99.8 % of the events stay inside the range in every one of them.

    A range for 99.8 % of the numbers of all cells together would be one for the empty cells: the few that
    hold a shower's energy would saturate.
    """
    ranges = [fitted_range(values[:, place]) for place in range(values.shape[1])]
    low = min(low for low, _, _ in ranges)
    high = max(high for _, _, high in ranges)
    if high == low:
        raise BadInput(
            f"all cells of the column {name!r} have the same value in the training events",
            found=f"{low} in {len(values)} events",
            remedy="take them out of the spec's inputs",
        )
    middle = float(np.median([middle for _, middle, _ in ranges]))
    return feature_over(name, unit, (low, middle, high), format_)
