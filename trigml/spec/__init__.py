"""The spec: one YAML file: task, data, architecture, quantisation, training, gates, target and budget."""

from trigml.spec.fields import AUTO
from trigml.spec.firmware import BudgetSpec, ResourceBudgetSpec, TargetSpec
from trigml.spec.inputs import CellsSpec, FeatureSpec, InputsSpec
from trigml.spec.loading import (
    load_spec,
    shipped_specs,
    spec_from_text,
    spec_text,
    with_data_files,
    with_overrides,
)
from trigml.spec.model import ConvolutionSpec, ModelSpec
from trigml.spec.schema import DataSpec, OutputSpec, QuantizationSpec, Spec, SplitSpec
from trigml.spec.training import (
    BaselineSpec,
    GateSpec,
    LossSpec,
    QuantizedTrainingSpec,
    ScheduleSpec,
    TrainingSpec,
)

__all__ = [
    "AUTO",
    "BaselineSpec",
    "BudgetSpec",
    "CellsSpec",
    "ConvolutionSpec",
    "DataSpec",
    "FeatureSpec",
    "GateSpec",
    "InputsSpec",
    "LossSpec",
    "ModelSpec",
    "OutputSpec",
    "QuantizationSpec",
    "QuantizedTrainingSpec",
    "ResourceBudgetSpec",
    "ScheduleSpec",
    "Spec",
    "SplitSpec",
    "TargetSpec",
    "TrainingSpec",
    "load_spec",
    "shipped_specs",
    "spec_from_text",
    "spec_text",
    "with_data_files",
    "with_overrides",
]
