"""The C++ source of a network's emulator: a pure function of the graph."""

from __future__ import annotations

import re
from collections.abc import Sequence

import trigml
from trigml.contract import InputContract
from trigml.emulation.native.calls import Code, array_text, code_of, constant
from trigml.emulation.native.inputs import exact_in_single, features_text
from trigml.emulation.native.plan import Plan, pairs_variable, plan_of, variable
from trigml.graph import Graph
from trigml.graph.network import words_in
from trigml.graph.operations import Input

GENERATOR = f"trigml {trigml.__version__}"


def emulator_source(graph: Graph) -> str:
    """C++17 that computes the graph; it includes ``trigml_ports.h`` and ``trigml_emulator.h``.

    It defines ``const trigml_emulator *NAME_emulator(void)``, NAME being that of the graph.
    """
    plan = plan_of(graph)
    codes = [code_of(plan, step) for step in plan.steps]
    parts = [
        f"// {graph.name}: an emulator made by {GENERATOR}. Do not edit; make it again from the network.\n"
        f"// Network {graph.digest}",
        '#include "trigml_emulator.h"\n#include "trigml_pairs.h"\n#include "trigml_ports.h"',
        "namespace {\n\nusing namespace trigml;",
        *(
            features_text(constant(operation.name, "features"), contract)
            for operation, contract in zip(graph.inputs, graph.contracts, strict=True)
        ),
        *(constant for code in codes for constant in code.constants),
        _network(plan, codes),
        _description(graph),
        "}  // namespace",
        f'extern "C" TRIGML_EXPORT const trigml_emulator *{graph.name}_emulator(void) {{\n'
        "  return &description;\n}",
    ]
    return "\n\n".join(parts) + "\n"


def _network(plan: Plan, codes: Sequence[Code]) -> str:
    """The functions of one block: read the ports, compute the tensors, write the scores."""
    graph = plan.graph
    pointers = [_pointer(plan, name, name) for name in plan.buffers]
    for name, at in plan.stored.items():
        if name != at and variable(at) in plan.buffers:
            pointers.append(_pointer(plan, variable(name), variable(at)))
    reads, start = [], 0
    for operation, contract in zip(graph.inputs, graph.contracts, strict=True):
        reads.append(_read(plan, operation, contract, start))
        start += words_in(operation.shape)
    writes, start = [], 0
    for result in graph.results:
        count = words_in(result.shape)
        writes.append(f"write_scores<N_OUT>({variable(result.name)}, {count}, scores + {start});")
        start += count
    calls = [call for code in codes for call in code.calls]
    lines = [
        "struct Network {",
        f"  static constexpr int N_IN = {graph.n_in}, N_OUT = {graph.n_out};",
        f"  static constexpr std::size_t TENSOR_BYTES = {plan.arena.size};",
        "",
        "  // One block of events; false if a value has no input word.",
        "  template <class Value>",
        "  static bool block(const Value *values, std::int64_t *scores, char *memory) {",
        "    bool good = true;",
        *(f"    {line}" for line in [*_used(pointers, reads), *reads]),
        "    if (good) compute(scores, memory);",
        "    return good;",
        "  }",
        "",
        "  static void compute(std::int64_t *scores, char *memory) {",
        *(f"    {line}" for line in [*_used(pointers, [*calls, *writes]), *calls, *writes]),
        "  }",
        "};",
    ]
    return "\n".join(lines)


def _read(plan: Plan, operation: Input, contract: InputContract, start: int) -> str:
    """The call that reads the words of an input, from the value ``start`` of an event on."""
    follower, format_ = plan.direct.get(operation.name), operation.format
    if follower:
        target, result = follower.target, pairs_variable(follower.operation.name)
    else:
        result = variable(operation.name)
        target = f"ToWords<{plan.buffers[result].lane.cpp}>"
    single = "true" if exact_in_single(contract) else "false"
    return (
        f"good &= read_port<N_IN, {words_in(operation.shape)}, {single}, {target}>(values + {start}, "
        f"{constant(operation.name, 'features')}, {format_.min_word}, {format_.max_word}, {result});"
    )


def _pointer(plan: Plan, name: str, buffer: str) -> str:
    lane, offset = plan.buffers[buffer].lane, plan.arena.offsets[buffer]
    return f"auto *const {name} = reinterpret_cast<{lane.cpp} *>(memory + {offset});"


def _used(pointers: Sequence[str], statements: Sequence[str]) -> list[str]:
    """The definitions of those tensors that the statements name."""
    words = {word for line in statements for word in re.findall(r"\w+", line)}
    return [pointer for pointer in pointers if pointer.split()[2] in words]


def _description(graph: Graph) -> str:
    """The constant that the C interface hands out."""
    features = [feature for contract in graph.contracts for feature in contract.features]
    labels = graph.output_labels or [
        f"{o.name}_{i}" if words_in(o.shape) > 1 else o.name
        for o in graph.results
        for i in range(words_in(o.shape))
    ]
    return "\n".join(
        [
            _strings("input_names", [feature.name for feature in features]),
            _strings("input_units", [feature.unit for feature in features]),
            array_text("input_fractions", "std::int32_t", graph.input_fractions),
            _strings("output_names", labels),
            array_text("output_fractions", "std::int32_t", graph.output_fractions),
            "",
            "constexpr trigml_emulator description = {",
            f"    TRIGML_EMULATOR_VERSION, {c_string(GENERATOR)}, {c_string(graph.name)},",
            f"    {c_string(graph.digest)},",
            "    Network::N_IN, Network::N_OUT,",
            "    input_names, input_units, input_fractions, output_names, output_fractions,",
            "    run<Network, float>, run<Network, double>, run<Network, std::int64_t>};",
        ]
    )


def _strings(name: str, texts: Sequence[str]) -> str:
    return f"constexpr const char *{name}[] = {{" + ", ".join(map(c_string, texts)) + "};"


def c_string(text: str) -> str:
    """A C string of any text, in UTF-8."""
    escaped = "".join(
        chr(byte) if 32 <= byte < 127 and byte not in b'"\\?' else f"\\{byte:03o}" for byte in text.encode()
    )
    return f'"{escaped}"'
