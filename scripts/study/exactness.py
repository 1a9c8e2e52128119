"""Whether the hardware computes the words of QKeras: counted, word by word, for every network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from study.trainings import Place
from trigml.errors import NotBitExact
from trigml.verify.comparison import StageResult

RTL_STAGES = ("RTL", "netlist")


@dataclass(frozen=True, slots=True)
class Exactness:
    """What was compared for one network.

    Attributes:
        network: its name.
        events, words: of the test split, in QKeras and in every stage.
        differing: words that differ from QKeras, by stage.
        synthesised: words compared and differing in the stages of the RTL project, if there is one.
        tools: of the stages.
    """

    network: str
    events: int
    words: int
    differing: Mapping[str, int]
    synthesised: tuple[StageResult, ...]
    tools: tuple[str, ...]

    @property
    def total(self) -> int:
        """Differing words in all stages."""
        return sum(self.differing.values()) + sum(stage.differences for stage in self.synthesised)

    @property
    def text(self) -> str:
        """``0 of 8,034`` per stage."""
        own = [f"{name}: {count:,} of {self.words:,}" for name, count in self.differing.items()]
        return ", ".join(own + [f"{s.stage}: {s.differences:,} of {s.words:,}" for s in self.synthesised])

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "network": self.network,
            "events": self.events,
            "words": self.words,
            "differing_from_qkeras": dict(self.differing),
            "synthesised": [asdict(stage) for stage in self.synthesised],
            "tools": list(self.tools),
        }


def exactness_of(place: Place) -> Exactness:
    """Count the differing words of a network."""
    words = place.words()
    report = place.project()
    stages = () if report is None else report.comparison.stages[1:]
    return Exactness(
        place.network.name,
        len(words.event_id),
        words.keras.size,
        words.differing,
        tuple(stages),
        words.tools,
    )


def refuse_differences(found: Sequence[Exactness]) -> None:
    """End with an error if a word differs.

    Raises:
        NotBitExact: naming the networks.
    """
    if inexact := [one for one in found if one.total]:
        raise NotBitExact(
            "the hardware does not compute the words of QKeras",
            where=", ".join(one.network for one in inexact),
            found="; ".join(f"{one.network}: {one.text} words differ" for one in inexact),
        )
