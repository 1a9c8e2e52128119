"""Comparison tables of models."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from trigml.errors import BadInput
from trigml.physics.classification import (
    ClassifierPerformance,
    ClassLoss,
    ClassPerformance,
    PerformanceLoss,
    Rejection,
    compare,
    measure_classifier,
)
from trigml.physics.uncertainties import LowerLimit, Measured
from trigml.reports.performance import loss_table, performance_table

FLOAT = ClassifierPerformance(
    n_events=25_000,
    accuracy=Measured(0.76312, 0.00269),
    macro_auc=Measured(0.9412, 0.00071),
    classes=(
        ClassPerformance("W|Z", 5000, Measured(0.95, 0.0011), (Rejection(0.3, Measured(153.2, 8.42)),)),
        ClassPerformance("top", 20000, Measured(0.96, 0.0012), (Rejection(0.3, LowerLimit(1668.9)),)),
    ),
)
QUANTISED = replace(FLOAT, accuracy=Measured(0.76, 0.0027))


def test_text_table_to_the_letter():
    """The plain-text table is aligned, with uncertainties and limits, and says on how many events."""
    assert performance_table({"float": FLOAT, "quantised": QUANTISED}).to_text().splitlines() == [
        "25,000 test events, each class against all others; statistical uncertainties",
        "                                     float          quantised",
        "───────────────────────  ─────────────────  ─────────────────",
        "accuracy                   0.7631 ± 0.0027    0.7600 ± 0.0027",
        "AUC, mean of classes     0.94120 ± 0.00071  0.94120 ± 0.00071",
        "AUC W|Z                    0.9500 ± 0.0011    0.9500 ± 0.0011",
        "AUC top                    0.9600 ± 0.0012    0.9600 ± 0.0012",
        "1/ε_B W|Z at ε_S = 30 %        153.2 ± 8.4        153.2 ± 8.4",
        "1/ε_B top at ε_S = 30 %   > 1600 (95 % CL)   > 1600 (95 % CL)",
    ]


def test_markdown_table_is_a_table():
    """Every line has the same cells, and a bar in a class's name does not make one more."""
    lines = performance_table({"float": FLOAT, "quantised": QUANTISED}).grid().markdown().splitlines()
    assert lines[0].startswith("#### 25,000 test events")
    lines = lines[2:]
    assert len(lines) == 2 + 2 + 2 + 2
    assert {line.replace(r"\|", "").count("|") for line in lines} == {4}
    assert lines[4].startswith(r"| AUC W\|Z ")
    assert set(lines[1]) <= set("|-: ")


def test_json_has_numbers_in_the_order_of_the_columns():
    """A program reads the same values from the JSON that people read from the text."""
    content = performance_table({"float": FLOAT, "quantised": QUANTISED}).to_json()
    assert json.loads(json.dumps(content, allow_nan=False)) == content
    assert content["columns"] == ["float", "quantised"]
    assert content["rows"][0] == {
        "quantity": "accuracy",
        "values": [FLOAT.accuracy.to_json(), QUANTISED.accuracy.to_json()],
    }
    assert content["rows"][-1]["values"][0] == {"lower_limit": 1668.9, "confidence": 0.95}


def test_loss_table():
    """Losses stand with the uncertainties of the paired differences."""
    loss = PerformanceLoss(
        n_events=25_000,
        accuracy=Measured(0.0031, 0.0009),
        macro_auc=Measured(-0.00012, 0.00011),
        classes=(ClassLoss("g", Measured(0.0, 0.0)),),
    )
    lines = loss_table({"float − quantised": loss}).to_text().splitlines()
    assert lines[0] == "loss on the same 25,000 test events; uncertainties of the paired differences"
    assert [line.split("  ")[0] for line in lines[3:]] == ["accuracy", "AUC, mean of classes", "AUC g"]
    assert [line.split("  ")[-1].strip() for line in lines[3:]] == [
        "0.00310 ± 0.00090",
        "-0.00012 ± 0.00011",
        "0 ± 0",
    ]


@pytest.mark.parametrize(
    "other",
    [
        replace(FLOAT, n_events=24_999),
        replace(FLOAT, classes=FLOAT.classes[:1]),
        replace(FLOAT, classes=FLOAT.classes[::-1]),
        replace(FLOAT, classes=tuple(replace(c, rejections=()) for c in FLOAT.classes)),
    ],
)
def test_unlike_models_are_refused(other):
    """Figures of different samples, classes or working points never stand in one table."""
    with pytest.raises(BadInput, match="not measured on the same sample"):
        performance_table({"float": FLOAT, "other": other})


def test_unlike_losses_and_empty_tables_are_refused():
    """The same holds for losses, and a table of nothing is an error."""
    loss = PerformanceLoss(10, Measured(0.0, 0.1), Measured(0.0, 0.1), ())
    with pytest.raises(BadInput, match="not measured on the same sample"):
        loss_table({"a": loss, "b": replace(loss, n_events=11)})
    with pytest.raises(BadInput, match="no model"):
        performance_table({})
    with pytest.raises(BadInput, match="no model"):
        loss_table({})


def test_real_measurements_fit():
    """What measure_classifier and compare return can be tabulated as it is."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 600)
    logits = rng.normal(size=(600, 3)) + np.eye(3)[labels]
    names = ("a", "b", "c")
    table = performance_table({"float": measure_classifier(logits, labels, names)})
    assert len(table.rows) == 2 + 3 + 6
    assert len(loss_table({"loss": compare(logits, np.round(logits), labels, names)}).rows) == 5
