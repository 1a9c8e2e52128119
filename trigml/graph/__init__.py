"""The integer network: operations, invariants, proven ranges and their JSON form."""

from trigml.graph.builder import Constants, GraphBuilder
from trigml.graph.network import BrokenInvariant, Graph
from trigml.graph.operations import Operation
from trigml.graph.storage import load_graph, save_graph

__all__ = [
    "BrokenInvariant",
    "Constants",
    "Graph",
    "GraphBuilder",
    "Operation",
    "load_graph",
    "save_graph",
]
