"""The inputs of a model: in which format their words arrive."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from trigml.contract import InputContract
from trigml.errors import BadInput
from trigml.fixedpoint import FixedPoint
from trigml.frontends.context import Context, Value
from trigml.frontends.keras_calls import Call, Port
from trigml.frontends.quantisers import quantiser_format
from trigml.frontends.refusals import Reason, Refused, reason_of
from trigml.graph.network import words_in

IDENTITIES = frozenset(
    """Dropout SpatialDropout1D SpatialDropout2D GaussianNoise GaussianDropout AlphaDropout
    ActivityRegularization""".split()
)
"""Layers that do nothing at inference."""

_REARRANGING = IDENTITIES | frozenset(
    "Flatten Reshape Permute Cropping1D Cropping2D ZeroPadding1D ZeroPadding2D".split()
)
"""Layers that may stand before the input quantiser: it makes no difference which comes first."""


@dataclass
class _Uses:
    """What reads an input: quantisers, perhaps behind rearranging layers, and anything else."""

    quantisers: list[Call] = field(default_factory=list)
    others: list[Call] = field(default_factory=list)
    direct: bool = True


def add_inputs(context: Context) -> None:
    """Append the inputs of the model; what is wrong with them goes to the context's problems."""
    network, contracts = context.network, context.options.contracts
    if contracts is not None and len(contracts) != len(network.ports):
        context.problem(
            network.model.name,
            "model",
            Reason(
                f"the model has {len(network.ports)} inputs, but there are {len(contracts)} input contracts",
                "",
                "give one contract per input",
            ),
        )
        contracts = None
    for index, port in enumerate(network.ports):
        contract = contracts[index] if contracts is not None else None
        _add_input(context, port, contract)


def _add_input(context: Context, port: Port, contract: InputContract | None) -> None:
    uses = _uses(context, port)
    shape = tuple(n or 1 for n in port.shape) or (1,)
    alone = uses.direct and len(uses.quantisers) == 1 and not uses.others
    problems = len(context.problems)
    format_, quantises = _format(context, port, uses, contract)
    # A quantiser into another format than that of the input is an operation of its own.
    stands_for_it = alone and uses.quantisers[0] in context.input_quantisers
    name = uses.quantisers[0].name if stands_for_it else port.name
    context.quantises.append(quantises)
    if None in port.shape or not port.shape:
        _port_problem(context, port, f"has the shape {port.shape}", "give every axis a length")
    if contract is not None and len(contract.features) != words_in(shape):
        _port_problem(
            context,
            port,
            f"has shape {port.shape}, but the input contract has {len(contract.features)} features",
            "use the contract of this model",
        )
    if len(context.problems) > problems or format_ is None:
        tensor = context.placeholder(name, shape)
    else:
        try:
            plain = InputContract.plain(port.name, words_in(shape), format_)
            tensor = context.graph.input(name, shape, contract or plain)
        except BadInput as error:
            context.problem(port.name, "InputLayer", reason_of(error))
            tensor = context.placeholder(name, shape)
    context.values[port.key] = Value(tensor, raw=quantises)


def _format(
    context: Context, port: Port, uses: _Uses, contract: InputContract | None
) -> tuple[FixedPoint | None, bool]:
    """Format of an input, and whether the model itself brings its values there."""
    given = context.options.input_format
    found: list[tuple[Call, FixedPoint]] = []
    for call in uses.quantisers:
        try:
            found.append((call, quantiser_format(call.layer.quantizer)))
        except Refused as error:
            if given is None:
                context.input_quantisers.add(call)
                context.refuse(call, error.reasons)
    formats = {format_ for _, format_ in found}
    own = not uses.others and len(found) == len(uses.quantisers) and len(formats) == 1
    if given is not None and formats != {given}:
        own = False
    if own:
        context.input_quantisers.update(uses.quantisers)
    elif given is None:
        _refuse_uses(context, port, uses, found)
        return (None, True) if not found else (found[0][1], True)
    format_ = next(iter(formats)) if own else given
    if contract is not None and format_ != contract.format:
        place = found[0][0].layer if own else None
        context.problem(
            port.name if place is None else place.name,
            "InputLayer" if place is None else type(place).__name__,
            Reason(
                f"quantises the input to {format_}, but the input contract says {contract.format}",
                "both have to be one format",
                "use the contract's format in the model",
            ),
        )
    return format_, own


def _refuse_uses(context: Context, port: Port, uses: _Uses, found: list[tuple[Call, FixedPoint]]) -> None:
    remedy = (
        "put QActivation('quantized_bits(12,4,alpha=1)') after the input, or give its type (--input-type)"
    )
    if uses.others:
        call = uses.others[0]
        context.refuse(
            call, [Reason("its input is not quantised", "the firmware receives words, not floats", remedy)]
        )
    if len({format_ for _, format_ in found}) > 1:
        different = ", ".join(f"{call.layer.name}: {format_}" for call, format_ in found)
        _port_problem(context, port, f"is quantised in different ways ({different})", remedy)
    if not uses.others and not uses.quantisers:
        _port_problem(context, port, "is read by no layer", remedy)
    context.input_quantisers.update(call for call, _ in found)


def _port_problem(context: Context, port: Port, what: str, remedy: str) -> None:
    context.problem(port.name, "InputLayer", Reason(f"the model's input {what}", "", remedy))


def _uses(context: Context, port: Port) -> _Uses:
    uses = _Uses()
    for call, direct in _readers(context, port.key, direct=True):
        uses.direct = uses.direct and direct
        (uses.quantisers if call.kind == "QActivation" else uses.others).append(call)
    return uses


def _readers(context: Context, key: int, *, direct: bool) -> Iterator[tuple[Call, bool]]:
    for call in context.network.readers(key):
        if call.kind in _REARRANGING:
            yield from _readers(context, call.outputs[0], direct=False)
        else:
            yield call, direct
