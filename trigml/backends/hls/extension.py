"""trigml's own layer in hls4ml, by its extension API: one class, whose kernel the layer list names."""

from __future__ import annotations

from functools import cache
from typing import Any

from trigml.backends.hls.kernels import Kernel
from trigml.backends.hls.options import HlsBackend
from trigml.resources import shipped_folder

_TOOL_FOLDERS = {
    HlsBackend.VITIS: "xilinx",
    HlsBackend.VIVADO: "xilinx",
    HlsBackend.QUARTUS: "quartus",
    HlsBackend.CATAPULT: "catapult",
}
HEADER = "nnet_utils/nnet_trigml.h"


def has_kernels(backend: HlsBackend) -> bool:
    """Whether the kernels are written for this backend's tool."""
    return backend in _TOOL_FOLDERS


def register_kernels(backend: HlsBackend) -> None:
    """Teach hls4ml the layer ``TrigmlKernel``, and a backend how to write it; once per process is enough."""
    if has_kernels(backend):
        _register_with(backend)


@cache
def _layer_class() -> Any:
    from hls4ml.model.layers import Layer, register_layer

    class TrigmlKernel(Layer):  # type: ignore[misc]
        """A layer computed by a kernel of ``nnet_trigml.h``."""

        def initialize(self) -> None:
            self.add_output_variable(list(self.attributes["out_shape"]))
            for what, letter in (("weight", "w"), ("bias", "b")):
                if f"{what}_data" in self.attributes:
                    self.add_weights_variable(name=what, var_name=letter + "{index}")

    register_layer("TrigmlKernel", TrigmlKernel)
    return TrigmlKernel


@cache
def _register_with(backend: HlsBackend) -> None:
    from hls4ml.backends import get_backend
    from hls4ml.backends.template import FunctionCallTemplate, LayerConfigTemplate

    layer_class = _layer_class()

    class KernelConfiguration(LayerConfigTemplate):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__(layer_class)

        def format(self, node: Any) -> str:
            kernel: Kernel = node.get_attr("kernel")
            is_streamed = node.model.config.get_config_value("IOType") == "io_stream"
            packet = int(node.get_output_variable().shape[-1]) if is_streamed else 0
            return kernel.configuration(
                f"config{node.index}", packet=packet, reuse_factor=int(node.get_attr("reuse_factor") or 1)
            )

    class KernelCall(FunctionCallTemplate):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__(layer_class, include_header=[HEADER])

        def format(self, node: Any) -> str:
            sources = [node.get_input_variable(name) for name in node.inputs]
            result = node.get_output_variable()
            types = [variable.type.name for variable in (*sources, result)]
            names = [variable.name for variable in (*sources, result)]
            names += [variable.name for variable in node.get_weights()]
            function = "merge" if len(sources) == 2 else "layer"
            return f"trigml::{function}<{', '.join(types)}, config{node.index}>({', '.join(names)});"

    target = get_backend(backend.hls4ml_name)
    for template in (KernelConfiguration, KernelCall):
        target.register_template(template)
    folder = shipped_folder("firmware").resolve() / "hls" / "nnet_utils"
    target.register_source(folder / "nnet_trigml.h")
    target.register_source(folder / _TOOL_FOLDERS[backend] / "nnet_trigml_tool.h")
