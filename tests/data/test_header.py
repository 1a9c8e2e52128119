"""Tests of trigml.data.header and trigml.data.hdf5: each way in which a file can be wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from trigml.data import hdf5
from trigml.data.header import read_header
from trigml.errors import BadInput

Damage = Callable[[h5py.File, Path], None]
MakeEvents = Callable[..., Path]


def replace(file: h5py.File, name: str, **content: object) -> None:
    del file[name]
    file.create_dataset(name, **content)


def external_link(file: h5py.File, folder: Path) -> None:
    file["features/far"] = h5py.ExternalLink("other.h5", "/x")


def external_link_deep_down(file: h5py.File, folder: Path) -> None:
    file["notes/more/far"] = h5py.ExternalLink("other.h5", "/x")


def dangling_link(file: h5py.File, folder: Path) -> None:
    file["features/near"] = h5py.SoftLink("/nothing")


def external_storage(file: h5py.File, folder: Path) -> None:
    (folder / "raw").write_bytes(bytes(8000))
    replace(file, "features/pt", shape=(1000,), dtype="f8", external=[(str(folder / "raw"), 0, 8000)])


def virtual_dataset(file: h5py.File, folder: Path) -> None:
    layout = h5py.VirtualLayout(shape=(1000,), dtype="f4")
    layout[:] = h5py.VirtualSource("other.h5", "x", shape=(1000,))
    del file["features/pt"]
    file.create_virtual_dataset("features/pt", layout)


def plugin_filter(file: h5py.File, folder: Path) -> None:
    del file["features/pt"]
    settings = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    settings.set_chunk((100,))
    settings.set_filter(32015, h5py.h5z.FLAG_OPTIONAL, (3,))
    space = h5py.h5s.create_simple((1000,))
    h5py.h5d.create(file.id, b"features/pt", h5py.h5t.NATIVE_FLOAT, space, dcpl=settings)


def huge_chunk(file: h5py.File, folder: Path) -> None:
    replace(file, "features/pt", shape=(1000,), maxshape=(None,), chunks=(2**25,), dtype="f4")


CASES: dict[str, tuple[Damage, str]] = {
    "format": (lambda f, _: f.attrs.pop("format"), "not in the layout trigml-events"),
    "version": (lambda f, _: f.attrs.__setitem__("version", 2), "newer version of the layout"),
    "no version": (lambda f, _: f.attrs.pop("version"), "version of the layout is missing"),
    "text version": (lambda f, _: f.attrs.__setitem__("version", "1"), "version of the layout is missing"),
    "title": (lambda f, _: f.attrs.pop("title"), "root attribute 'title' is missing"),
    "title type": (lambda f, _: f.attrs.__setitem__("title", 3), "attribute 'title' is not text"),
    "no ids": (lambda f, _: f.__delitem__("event_id"), "dataset 'event_id' is missing"),
    "signed ids": (lambda f, _: replace(f, "event_id", data=np.arange(1000)), "values of the wrong kind"),
    "ids 2d": (lambda f, _: replace(f, "event_id", data=np.zeros((1000, 1), "u8")), "the wrong shape"),
    "no features": (lambda f, _: f.__delitem__("features"), "group /features is missing"),
    "features dataset": (lambda f, _: replace(f, "features", data=[1]), "/features has to be a group"),
    "nested group": (lambda f, _: f.create_group("features/x"), "'x' has to be a dataset"),
    "length": (
        lambda f, _: replace(f, "features/pt", data=np.ones(999)),
        "does not fit the number of events",
    ),
    "2d": (
        lambda f, _: replace(f, "features/pt", data=np.ones((1000, 2))),
        "does not fit the number of events",
    ),
    "text": (lambda f, _: replace(f, "features/pt", data=[b"a"] * 1000), "values of the wrong kind"),
    "objects": (
        lambda f, _: replace(f, "features/pt", shape=(1000,), dtype=h5py.vlen_dtype("f4")),
        "values of the wrong kind",
    ),
    "wide": (lambda f, _: replace(f, "features/pt", data=np.ones(1000, "f16")), "values of the wrong kind"),
    "unit": (lambda f, _: f["features/pt"].attrs.__setitem__("unit", 1), "attribute 'unit' is not text"),
    "labels length": (lambda f, _: replace(f, "labels", data=np.zeros(3, "u1")), "labels do not fit"),
    "labels float": (lambda f, _: replace(f, "labels", data=np.zeros(1000)), "values of the wrong kind"),
    "no class names": (lambda f, _: f["labels"].attrs.pop("class_names"), "labels have no class names"),
    "class twice": (
        lambda f, _: f["labels"].attrs.__setitem__("class_names", ["g", "g"]),
        "class 'g' is named twice",
    ),
    "K differs": (
        lambda f, _: replace(f, "constituents/pt", data=np.zeros((1000, 5))),
        "constituents differ in length",
    ),
    "provenance": (lambda f, _: f["provenance"].attrs.__setitem__("x", [1, 2]), "'x' is not text"),
    "external link": (external_link, "has an external link"),
    "external link deep": (external_link_deep_down, "has an external link"),
    "dangling": (dangling_link, "a link that leads nowhere"),
    "external storage": (external_storage, "are in another file"),
    "virtual": (virtual_dataset, "virtual dataset"),
    "plugin": (plugin_filter, "needs a compression plugin"),
    "huge chunk": (huge_chunk, "too large to stream"),
}


@pytest.mark.parametrize("case", CASES)
def test_wrong_content(make_events: MakeEvents, tmp_path: Path, case: str) -> None:
    """Each departure from the layout has its own message, which names the file."""
    path = make_events(n_constituents=3)
    read_header(path)
    damage, message = CASES[case]
    with h5py.File(path, "r+") as file:
        damage(file, tmp_path)
    with pytest.raises(BadInput, match=message) as caught:
        read_header(path)
    assert str(path) in str(caught.value)


def test_no_events(make_events: MakeEvents) -> None:
    """A file of the right layout without events is refused."""
    path = make_events()
    with h5py.File(path, "r+") as file:
        file["event_id"].resize(0, axis=0)
    with pytest.raises(BadInput, match="holds no events"):
        read_header(path)


def test_neither_features_nor_constituents(make_events: MakeEvents) -> None:
    """A file must have some column to read."""
    path = make_events()
    with h5py.File(path, "r+") as file:
        for name in list(file["features"]):
            del file["features"][name]
    with pytest.raises(BadInput, match="neither features nor constituents"):
        read_header(path)


def test_missing_file(tmp_path: Path) -> None:
    """A wrong name says so."""
    with pytest.raises(BadInput, match="no such file"):
        read_header(tmp_path / "x.h5")


def test_folder(tmp_path: Path) -> None:
    """A folder is told from a file."""
    with pytest.raises(BadInput, match="a folder, not an HDF5 file"):
        read_header(tmp_path)


def test_empty_file(tmp_path: Path) -> None:
    """A file of 0 bytes is told from one of another kind."""
    (tmp_path / "x.h5").touch()
    with pytest.raises(BadInput, match="the file is empty"):
        read_header(tmp_path / "x.h5")


def test_not_hdf5(tmp_path: Path) -> None:
    """Another kind of file points to the converter."""
    (tmp_path / "x.h5").write_text("pt,mass\n1,2\n")
    with pytest.raises(BadInput, match="not an HDF5 file") as caught:
        read_header(tmp_path / "x.h5")
    assert "trigml data convert" in str(caught.value.remedy)


def test_showers_are_sent_to_the_command_that_reads_them(make_lcd: MakeEvents, tmp_path: Path) -> None:
    """Protects the remedy for raw showers, and that other HDF5 files are not called showers."""
    with pytest.raises(BadInput, match="trigml data showers"):
        read_header(make_lcd("gamma.h5"))
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["pt"] = np.arange(3.0)
    with pytest.raises(BadInput, match="trigml data convert"):
        read_header(tmp_path / "other.h5")


@pytest.mark.parametrize("share", [0.02, 0.5, 0.99])
def test_truncated(make_events: MakeEvents, share: float) -> None:
    """A copy that stopped early is recognised wherever it stopped."""
    path = make_events()
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(BadInput, match=r"the HDF5 file is truncated|seems to be damaged"):
        read_header(path)


def test_damaged_metadata(make_events: MakeEvents) -> None:
    """Zeros where the structure of the file should be are an explained error, not a traceback."""
    path = make_events()
    content = bytearray(path.read_bytes())
    content[96:2000] = bytes(1904)
    path.write_bytes(content)
    with pytest.raises(BadInput):
        read_header(path)


def test_cyclic_links_end(make_events: MakeEvents) -> None:
    """A group that contains itself does not keep the check going for ever."""
    path = make_events()
    with h5py.File(path, "r+") as file:
        file["loop"] = file["/"]
        file["again"] = h5py.SoftLink("/features")
    assert read_header(path).n_events == 1000


def test_written_with_plain_h5py(tmp_path: Path) -> None:
    """The few lines that docs/events.md shows make a valid file; units and descriptions are optional."""
    with h5py.File(tmp_path / "mine.h5", "w") as file:
        file.attrs["format"] = "trigml-events"
        file.attrs["version"] = 1
        file.attrs["title"] = "mine"
        file["event_id"] = np.arange(10, dtype="uint64")
        file["features/pt"] = np.linspace(0, 1, 10)
    header = read_header(tmp_path / "mine.h5")
    assert header.feature_names == ("pt",)
    assert header.class_names is None
    assert header.provenance == {}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), np.float32("-inf")])
def test_provenance_that_is_no_number(make_events: MakeEvents, value: float) -> None:
    """NaN and infinities in the provenance become text, so that what is read can be written as JSON."""
    path = make_events()
    with h5py.File(path, "r+") as file:
        file["provenance"].attrs["scale"] = value
        file["provenance"].attrs["sqrts"] = 13.6
    provenance = read_header(path).provenance
    assert provenance["scale"] == str(float(value))
    assert provenance["sqrts"] == 13.6
    json.dumps(dict(provenance), allow_nan=False)


def test_text_that_is_not_utf8(make_events: MakeEvents) -> None:
    """Text in another encoding is read with replacement characters and can be printed."""
    path = make_events()
    with h5py.File(path, "r+") as file:
        file["provenance"].attrs.create("place", b"Z\xfcrich", dtype=h5py.string_dtype())
    assert read_header(path).provenance["place"] == "Z\ufffdrich"


@pytest.mark.parametrize("exists", [False, True])
def test_soft_link_through_an_external_link(make_events: MakeEvents, tmp_path: Path, exists: bool) -> None:
    """The external link is refused before any link is followed: whether the other file exists has no effect.

    The soft link stands before the external one in the order of names, so following links as they come
    would look into the other file first (and say of a missing one that the link leads nowhere).
    """
    path = make_events()
    with h5py.File(path, "r+") as file:
        file["a"] = h5py.SoftLink("/z/x")
        file["z"] = h5py.ExternalLink("other.h5", "/")
    if exists:
        with h5py.File(tmp_path / "other.h5", "w") as file:
            file["x"] = np.ones(1000, dtype="f4")
    with pytest.raises(BadInput, match="has an external link") as caught:
        read_header(path)
    assert caught.value.where == f"{path}: /z"


def test_no_link_is_followed_before_all_are_known(
    make_events: MakeEvents, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A soft link's target is never looked up in a file with an external link."""
    path = make_events()
    with h5py.File(path, "r+") as file:
        file["a"] = h5py.SoftLink("/z/x")
        file["z"] = h5py.ExternalLink("other.h5", "/")
    followed: list[str] = []
    monkeypatch.setattr(hdf5, "_leads_somewhere", lambda _, name: followed.append(name))
    with pytest.raises(BadInput, match="has an external link"):
        read_header(path)
    assert followed == []


def test_soft_links_in_a_circle(make_events: MakeEvents) -> None:
    """Links that lead to each other lead nowhere."""
    path = make_events()
    with h5py.File(path, "r+") as file:
        file["a"] = h5py.SoftLink("/b")
        file["b"] = h5py.SoftLink("/a")
    with pytest.raises(BadInput, match="a link that leads nowhere"):
        read_header(path)
