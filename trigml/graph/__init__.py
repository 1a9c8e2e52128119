"""The integer network: operations, invariants and their JSON form."""

from trigml.graph.network import BrokenInvariant, Graph, dense_accumulator
from trigml.graph.operations import Dense, Input, Operation, Quantize, Relu
from trigml.graph.storage import load_graph, save_graph

__all__ = [
    "BrokenInvariant",
    "Dense",
    "Graph",
    "Input",
    "Operation",
    "Quantize",
    "Relu",
    "dense_accumulator",
    "load_graph",
    "save_graph",
]
