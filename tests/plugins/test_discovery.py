"""Which plugins are found, in which order, and which are left out."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pricing_dsl.plugin import manager
from pricing_dsl.plugin.discovery import choice_from, installed
from pricing_dsl.plugin.entry_points import read_entry_points, read_folders, read_metadata
from pricing_dsl.plugin.manager import built_in, load, plugins, using
from tests.plugins.packages import Shelf

ONE = "@hookimpl\ndef register_aggregations(): return [counted('{}')]\n"


def test_a_plugin_is_found_by_its_entry_point(shelf: Shelf) -> None:
    shelf.install_plugin("acme", ONE.format("acme_count"), "3.4", "acme-pricing")
    there = load(only={"acme"})
    (info,) = [each for each in there.loaded if each.name == "acme"]
    assert (info.name, info.package, info.version) == ("acme", "acme-pricing", "3.4")
    assert info.hooks == ("register_aggregations",)
    assert info.provides == {"aggregations": ("acme_count",)}
    provided = there.aggregations["acme_count"]
    assert (provided.plugin, provided.version, provided.value.name) == ("acme", "3.4", "acme_count")


def test_the_built_in_names_come_through_the_same_hooks() -> None:
    there = built_in()
    assert [info.name for info in there.loaded] == ["pricing-dsl"]
    assert there.loaded[0].hooks == ("register_aggregations", "register_functions", "register_price_shapes")
    assert set(there.functions) == {"min", "max", "ceil", "floor", "abs"}
    assert {"sum", "count", "max", "min", "last", "unique", "mean", "time_weighted", "percentile"} == set(
        there.aggregations
    )


def test_the_order_is_that_of_names_not_of_the_disk(shelf: Shelf) -> None:
    for name in ("zeta", "alpha", "mid"):
        shelf.install_plugin(name, ONE.format(f"{name}_count"))
    there = load(only={"zeta", "alpha", "mid"})
    assert there.loaded[0].name == "pricing-dsl"
    others = [info.name for info in there.loaded if info.package != "pricing-dsl"]
    assert others == ["alpha", "mid", "zeta"]
    assert list(there.aggregations)[-3:] == ["alpha_count", "mid_count", "zeta_count"]


def test_a_plugin_may_be_an_object(shelf: Shelf) -> None:
    shelf.install_plugin(
        "acme",
        """
        class Plugin:
            @hookimpl
            def register_aggregations(self): return [counted('acme_count')]
        """,
    )
    module = next(shelf.folder.glob("*.py")).stem
    points = next(shelf.folder.glob("*.dist-info")) / "entry_points.txt"
    code = shelf.folder / f"{module}.py"
    code.write_text(code.read_text() + "\nplugin = Plugin()\n")
    points.write_text(f"[pricing_dsl]\nacme = {module}:plugin\n")
    assert "acme_count" in load(only={"acme"}).aggregations


@pytest.mark.parametrize(
    ("environment", "used"),
    [
        ({}, ["a", "b", "c"]),
        ({"PRICING_PLUGINS": "a, c"}, ["a", "c"]),
        ({"PRICING_PLUGINS": "pricing-b"}, ["b"]),
        ({"PRICING_PLUGINS": ""}, []),
        ({"PRICING_PLUGINS_WITHOUT": "b"}, ["a", "c"]),
        ({"PRICING_PLUGINS": "a,b", "PRICING_PLUGINS_WITHOUT": "pricing-b"}, ["a"]),
    ],
)
def test_lists_choose(shelf: Shelf, environment: dict[str, str], used: list[str]) -> None:
    for name in ("a", "b", "c"):
        shelf.install_plugin(name, ONE.format(f"{name}_count"))
    choice = choice_from(environment)
    ours = [found for found in installed() if found.name in ("a", "b", "c")]
    assert [found.name for found in ours if choice.against(found) is None] == used


def test_what_is_left_out_says_so(shelf: Shelf) -> None:
    shelf.install_plugin("acme", ONE.format("acme_count"))
    there = load(but={"acme"})
    (refused,) = [each for each in there.refused if each.plugin == "acme"]
    assert (refused.version, refused.hook) == ("1.2", "")
    assert "left out" in refused.reason
    assert "acme_count" not in there.aggregations


def test_a_wanted_plugin_that_is_not_installed_is_said() -> None:
    (refused,) = [each for each in load(only={"nowhere"}).refused if each.plugin == "nowhere"]
    assert "not installed" in refused.reason


def test_folders_are_read_as_pythons_own_reader_reads_them(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert read_folders() is not None
    assert set(read_entry_points()) == set(read_metadata())
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    assert read_folders() == read_metadata() == ()
    nearer = tmp_path / "nearer"
    nearer.mkdir()
    monkeypatch.setattr(sys, "path", [str(nearer), str(shelf.folder)])
    shelf.install_plugin("acme", ONE.format("acme_count"), "3.4", "acme.Pricing")
    shelf.install_plugin("other", ONE.format("other_count"))
    points = next(shelf.folder.glob("acme*.dist-info")) / "entry_points.txt"
    points.write_text("[console_scripts]\na = b:c\n\n[pricing_dsl]\n# mine\nacme=m:plugin.inner [extra]\ntwo = m \n")
    assert set(read_folders() or ()) == set(read_metadata())
    assert [found.name for found in installed()] == ["acme", "other", "two"]
    Shelf(nearer, monkeypatch).install_plugin("acme", ONE.format("acme_count"), "9.9", "acme_pricing")
    monkeypatch.setattr(sys, "path", [str(nearer), str(shelf.folder)])
    assert {point.version for point in read_folders() or () if point.name == "acme"} == {"9.9"}
    assert set(read_folders() or ()) == set(read_metadata())


def test_what_is_no_folder_is_left_to_pythons_own_reader(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    archive = tmp_path / "packages.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("acme-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
        packed.writestr("acme-1.0.dist-info/entry_points.txt", "[pricing_dsl]\nacme = acme\n")
    egg = tmp_path / "eggs" / "old.egg-info"
    egg.mkdir(parents=True)
    (egg / "PKG-INFO").write_text("Metadata-Version: 1.0\nName: old\nVersion: 2.0\n")
    (egg / "entry_points.txt").write_text("[pricing_dsl]\nold = old\n")
    for path, name in ((archive, "acme"), (egg.parent, "old")):
        monkeypatch.setattr(sys, "path", [str(path)])
        assert read_folders() is None
        assert [found.name for found in installed()] == [name]


def test_importing_and_checking_built_in_names_loads_no_plugin() -> None:
    """A program whose names are all built in needs the installed ones for their lints only."""
    code = """
import sys
import pricing_dsl
from pricing_dsl.plugin import manager
assert not manager._LOADED
from pricing_dsl.check.program import from_syntax
from pricing_dsl.source import Source
from pricing_dsl.syntax.parse import from_source
source = Source('currency USD meter m { from "e" measure sum(max(x, 1)) } plan p { charge m on m { price 1 } }')
checked = from_syntax(from_source(source).program, source, {})
assert checked.program is not None
assert not manager._LOADED
assert "importlib.metadata" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_plugins_of_a_process_are_loaded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manager, "_LOADED", [])
    token = manager._USED.set(None)
    try:
        with ThreadPoolExecutor(8) as pool:
            seen = set(pool.map(lambda _: id(plugins()), range(32)))
    finally:
        manager._USED.reset(token)
    assert len(seen) == 1


def test_using_is_for_its_block_only(shelf: Shelf) -> None:
    shelf.install_plugin("acme", ONE.format("acme_count"))
    before = plugins()
    with using(load(only={"acme"})) as chosen:
        assert plugins() is chosen
    assert plugins() is before
