"""Names of top modules that Verilog, VHDL and the project's own files allow."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trigml.backends.rtl.names import LONGEST, module_name


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("jet_tagger", "jet_tagger"),
        ("JetTagger", "JetTagger"),
        ("module", "module_net"),
        ("entity", "entity_net"),
        ("Signal", "Signal_net"),
        ("logic0", "logic0_net"),
        ("shift_adder", "shift_adder_net"),
        ("testbench", "testbench_net"),
        ("my__net_", "my_net"),
        ("_", "net"),
        ("_1", "n_1"),
    ],
)
def test_names(name: str, expected: str) -> None:
    """Protects models with the name of a reserved word or of a generated module; others keep theirs."""
    assert module_name(name) == expected


@given(st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,200}", fullmatch=True))
def test_any_name_is_legal(name: str) -> None:
    """Protects both languages: letters, digits, single underscores, a length that files can bear."""
    found = module_name(name)
    assert re.fullmatch(r"[A-Za-z][A-Za-z0-9]*(_[A-Za-z0-9]+)*", found)
    assert len(found) <= LONGEST
    assert module_name(found) == found


def test_long_names_stay_apart() -> None:
    """Protects against two long names that become one."""
    assert module_name("a" * 100 + "b") != module_name("a" * 100 + "c")
