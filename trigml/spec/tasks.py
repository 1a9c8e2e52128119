"""What each task asks of the other sections of a spec."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trigml.spec.schema import Spec

CLASSIFICATION_GATES = ("max_auc_loss", "max_accuracy_loss", "min_auc", "min_accuracy")
REGRESSION_GATES = ("max_stochastic_loss", "max_bias")


def check_task(spec: Spec) -> None:
    """Refuse a spec whose sections do not fit its task.

    Raises:
        ValueError: saying what was expected.
    """
    if spec.task == "classification":
        _check_classification(spec)
    else:
        _check_regression(spec)


def _check_classification(spec: Spec) -> None:
    if len(spec.data.classes) < 2:
        raise ValueError(f"expected at least two names in data.classes, not {len(spec.data.classes)}")
    for key, given in (
        ("data.target", spec.data.target),
        ("output", spec.output),
        ("model.linear", spec.model.linear or None),
        *_linear_keys(spec),
    ):
        if given is not None:
            raise ValueError(f"expected {key} only with task: regression")
    if spec.loss.kind != "cross_entropy":
        raise ValueError(
            f"expected training.loss to be cross_entropy for a classification, not {spec.loss.kind}"
        )
    _refuse_gates(spec, REGRESSION_GATES)


def _check_regression(spec: Spec) -> None:
    target = spec.data.target
    if target is None:
        raise ValueError("expected data.target, the column that the network learns, with task: regression")
    if target in (feature.name for feature in spec.inputs.features):
        raise ValueError(f"expected data.target {target!r} not to be among inputs.features, too")
    if spec.output is None:
        raise ValueError("expected output, the lsb and bits of the network's word, with task: regression")
    for key, given in () if spec.model.linear else _linear_keys(spec):
        if given is not None:
            raise ValueError(f"expected {key} only with model.linear: true")
    if spec.loss.kind == "cross_entropy":
        raise ValueError(
            "expected training.loss to be relative, quantile or gaussian for a regression, not cross_entropy"
        )
    _refuse_gates(spec, CLASSIFICATION_GATES)


def _linear_keys(spec: Spec) -> tuple[tuple[str, int | None], ...]:
    return (
        ("quantization.linear_bits", spec.quantization.linear_bits),
        ("quantization.linear_integer", spec.quantization.linear_integer),
    )


def _refuse_gates(spec: Spec, names: tuple[str, ...]) -> None:
    for name in names:
        if getattr(spec.gate, name) is not None:
            other = "regression" if name in REGRESSION_GATES else "classification"
            raise ValueError(f"expected gate.{name} only with task: {other}")
