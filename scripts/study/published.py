"""Figures of the published offline study on the LCD data set, as transcribed in trigml's notes on results.

The data set is that of Belayneh et al., Eur. Phys. J. C 80 (2020) 688. Another calorimeter simulation, all
25 x 25 x 25 cells without noise or LSB, far more showers: comparable in pattern, not in absolute terms.
"""

from __future__ import annotations

from dataclasses import dataclass

from study.plan import Inputs

SOURCE = "Belayneh et al., Eur. Phys. J. C 80 (2020) 688"


@dataclass(frozen=True, slots=True)
class PublishedModel:
    """Accuracy and AUC in per cent of a model of the published study.

    Attributes:
        name: there.
        inputs, is_network: the model of this study that it is set beside.
        photon: γ against π⁰, merging pairs.
        electron: e against π±, pions that look electromagnetic.
    """

    name: str
    inputs: Inputs
    is_network: bool
    photon: tuple[float, float]
    electron: tuple[float, float]


MODELS = (
    PublishedModel("BDT on features", Inputs.FEATURES, False, (83.1, 89.8), (93.8, 98.0)),
    PublishedModel("DNN on features", Inputs.FEATURES, True, (82.8, 90.2), (93.6, 98.0)),
    PublishedModel("DNN on cells", Inputs.CELLS, True, (87.2, 93.5), (99.4, 99.9)),
)


@dataclass(frozen=True, slots=True)
class PublishedResolution:
    """Stochastic term of a particle in the published study, in its units: simple sum and CNN on cells."""

    name: str
    simple_sum: float
    cnn: float


STOCHASTIC_TERMS = {
    "gamma": PublishedResolution("γ", 55.5, 18.3),
    "electron": PublishedResolution("e", 42.3, 18.7),
    "pi0": PublishedResolution("π⁰", 55.3, 19.3),
    "pion": PublishedResolution("π±", 442, 114),
}
