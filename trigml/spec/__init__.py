"""The spec: one YAML file that names task, data, architecture, quantisation, training, gates and target."""

from trigml.spec.loading import (
    load_spec,
    shipped_specs,
    spec_from_text,
    spec_text,
    with_data_files,
    with_overrides,
)
from trigml.spec.schema import (
    AUTO,
    BaselineSpec,
    DataSpec,
    FeatureSpec,
    GateSpec,
    InputsSpec,
    ModelSpec,
    QuantizationSpec,
    QuantizedTrainingSpec,
    ScheduleSpec,
    Spec,
    SplitSpec,
    TargetSpec,
    TrainingSpec,
)

__all__ = [
    "AUTO",
    "BaselineSpec",
    "DataSpec",
    "FeatureSpec",
    "GateSpec",
    "InputsSpec",
    "ModelSpec",
    "QuantizationSpec",
    "QuantizedTrainingSpec",
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
