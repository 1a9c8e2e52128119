"""The ``model`` section of a spec: convolutions on an image of cells, and dense layers."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from trigml.spec.fields import Section
from trigml.spec.inputs import Image


class ConvolutionSpec(Section):
    """A square convolution with its activation, then the largest of each ``pool`` x ``pool`` outputs."""

    filters: Annotated[int, Field(ge=1, le=256)]
    size: Annotated[int, Field(ge=1, le=32)]
    stride: Annotated[int, Field(ge=1, le=32)] = 1
    padding: Literal["valid", "same"] = "valid"
    pool: Annotated[int, Field(ge=1, le=32)] = 1

    def length_after(self, length: int) -> int:
        """Rows (or columns) of the result on so many rows; 0 or less if a window does not fit in."""
        around = length if self.padding == "same" else length - self.size + 1
        return -(-around // self.stride) // self.pool


class ModelSpec(Section):
    """The architecture: convolutions, dense layers of these widths, then the outputs.

    There is one output per class, or that of the prediction.
    """

    kind: Literal["dense", "cnn"] = "dense"
    convolutions: Annotated[tuple[ConvolutionSpec, ...], Field(max_length=8)] = ()
    hidden: Annotated[tuple[Annotated[int, Field(ge=1, le=4096)], ...], Field(min_length=1, max_length=32)]
    activation: Literal["relu"] = "relu"
    linear: bool = False

    @model_validator(mode="after")
    def _kind_and_convolutions(self) -> ModelSpec:
        if (self.kind == "cnn") != bool(self.convolutions):
            raise ValueError("expected model.convolutions with kind: cnn, and only with it")
        return self

    @property
    def hidden_layers(self) -> int:
        """Layers with weights in front of the last one: convolutions and hidden dense layers."""
        return len(self.convolutions) + len(self.hidden)

    def check_image(self, image: Image) -> None:
        """Refuse an image that becomes too small on its way through the convolutions.

        Raises:
            ValueError: saying which convolution it is too small for.
        """
        lengths: tuple[int, ...] = image[1:]
        for number, convolution in enumerate(self.convolutions, start=1):
            after = tuple(convolution.length_after(length) for length in lengths)
            if min(after) < 1:
                rows, columns = lengths
                raise ValueError(
                    f"expected an image that is larger than the windows of the convolutions: number {number} "
                    f"and its pool get {rows} × {columns}"
                )
            lengths = after
