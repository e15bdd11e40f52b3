"""`pricing plugins`, `pricing import`, `pricing export`, and commands that plugins add."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from pricing_dsl.cli.app import app
from pricing_dsl.plugin.checks import CORE_COMMANDS
from pricing_dsl.plugin.manager import load, plugins, using
from tests.plugins.packages import Shelf

ROOT = Path(__file__).parents[2]
Pricing = Callable[..., Result]

EXCHANGE = """
import json

def read(data):
    if not data:
        raise ValueError("line 1: the file is empty; export it again")
    if data == b"crash":
        raise KeyError("price")
    if data == b"odd":
        return "no Imported"
    program = 'currency USD\\nmeter m { from "e"  measure count() }\\nplan p { charge m on m { price 2 } }\\n'
    files = (("rates.csv", b"a,b\\n"),) if data == b"files" else (("../x.csv", b""),) if data == b"escape" else ()
    return Imported(program, (Lost("/prices/3", "a trial has no word here"),), files)

@hookimpl
def register_importers():
    return [Importer("ledger", (".json",), read, "Prices of the ledger.")]

@hookimpl
def register_exporters():
    write = lambda statements, form: json.dumps([form, [each["total"] for each in statements]]).encode()
    return [Exporter("ledger", ("csv", "tsv"), write, "Statements for the ledger."),
            Exporter("seller", ("csv",), lambda statements, form, options: json.dumps(options).encode(), "A seller.",
                     options=("seller", "unit")),
            Exporter("broken", ("csv",), lambda statements, form: "text", "Returns text.")]
"""
STATEMENT = {"target": "p", "lines": [], "total": "1.00", "due": "1.00"}


@pytest.fixture
def pricing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pricing:
    """`pricing ARGUMENTS` in a folder of its own."""
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("COLUMNS", "100")
    return lambda *arguments: CliRunner().invoke(app, arguments, prog_name="pricing")


# --- list ----------------------------------------------------------------------------------------------------------


def test_list_says_what_there_is_and_what_is_not_used(shelf: Shelf, pricing: Pricing) -> None:
    shelf.install_plugin(
        "acme",
        "@hookimpl\ndef register_aggregations(): return [counted('peak'), counted('sum')]\n"
        "@hookimpl\ndef usage_rejected(event): pass",
        version="0.3",
        package="acme-pricing",
    )
    shelf.install_plugin("broken", "import nowhere_to_be_found")
    with using(load(only={"acme", "broken"})):
        text = pricing("plugins", "list").stdout
        document = json.loads(pricing("plugins", "list", "--format", "json").stdout)
    assert "acme 0.3 (acme-pricing)\n  register_aggregations: peak\n  usage_rejected\n" in text
    assert "plugin `acme` 0.3, hook `register_aggregations`, aggregation `sum`: there is a built-in" in text
    assert "plugin `broken` 1.2: it cannot be imported: ModuleNotFoundError" in text
    assert text.count(" = help: ") == text.count("  plugin `")
    assert [plugin for plugin in document["plugins"] if plugin["name"] == "acme"] == [
        {
            "name": "acme",
            "package": "acme-pricing",
            "version": "0.3",
            "hooks": ["register_aggregations", "usage_rejected"],
            "provides": {"aggregations": ["peak"]},
        }
    ]
    refused = [each for each in document["refused"] if each["plugin"] in ("acme", "broken")]
    assert [(each["plugin"], each["hook"], each["name"]) for each in refused] == [
        ("acme", "register_aggregations", "sum"),
        ("broken", None, None),
    ]
    assert all(each["reason"] and each["help"] for each in refused)


# --- new and verify ------------------------------------------------------------------------------------------------


def test_a_new_plugin_is_a_package_that_works(pricing: Pricing, tmp_path: Path) -> None:
    """What `new` writes passes its own tests, and has everything a package needs."""
    assert pricing("plugins", "new", "hourly-peak").exit_code == 0
    folder = tmp_path / "work" / "pricing-hourly-peak"
    names = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    assert names == [
        "README.md",
        "pricing_hourly_peak/__init__.py",
        "pricing_hourly_peak/py.typed",
        "pyproject.toml",
        "tests/test_hourly_peak.py",
    ]
    assert 'hourly_peak = "pricing_hourly_peak"' in (folder / "pyproject.toml").read_text()
    assert not any("__package__" in (folder / name).read_text() for name in names)
    environment = {**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}", "PRICING_PLUGINS": ""}
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(folder), str(folder)],
        cwd=folder, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "3 passed" in ran.stdout


def test_new_writes_where_it_is_told_and_over_nothing(pricing: Pricing, tmp_path: Path) -> None:
    assert pricing("plugins", "new", "spread", "--directory", "deep/er").exit_code == 0
    assert (tmp_path / "work/deep/er/pyproject.toml").exists()
    again = pricing("plugins", "new", "spread", "--directory", "deep/er")
    assert (again.exit_code, "already there" in again.stderr) == (2, True)


@pytest.mark.parametrize("name", ["Two Words", "9lives", "", "sum", "../up"])
def test_new_refuses_names_that_no_plugin_can_have(pricing: Pricing, name: str, tmp_path: Path) -> None:
    assert pricing("plugins", "new", name).exit_code == 2
    assert list((tmp_path / "work").iterdir()) == []


def test_verify_runs_the_kit(shelf: Shelf, pricing: Pricing) -> None:
    shelf.install_plugin("steady", "@hookimpl\ndef register_aggregations(): return [counted('steady_count')]")
    shelf.install_plugin(
        "skewed",
        "class Skewed(Counted):\n    def merge(self, state, other): return state\n"
        "@hookimpl\ndef register_aggregations():\n"
        "    from dataclasses import replace\n"
        "    return [replace(counted('skewed'), make=lambda constants: Skewed())]",
    )
    with using(load(only={"steady", "skewed"})):
        good, bad, unknown = (pricing("plugins", "verify", name) for name in ("steady", "skewed", "nobody"))
    assert (good.exit_code, bad.exit_code, unknown.exit_code) == (0, 1, 2)
    assert "skewed" in bad.stdout


# --- import and export ---------------------------------------------------------------------------------------------


def test_import_prints_the_program_and_says_what_was_lost(shelf: Shelf, pricing: Pricing) -> None:
    shelf.install_plugin("acme", EXCHANGE)
    Path("prices.json").write_text("{}")
    with using(load(only={"acme"})):
        shown = pricing("import", "ledger", "prices.json")
        kept = pricing("import", "ledger", "prices.json", "-o", "out")
    assert shown.exit_code == kept.exit_code == 0
    assert shown.stdout.startswith("currency USD\n")
    assert "lost: /prices/3: a trial has no word here" in shown.stderr
    assert Path("out/prices.pricing").read_text() == shown.stdout
    assert "lost: /prices/3" in kept.stderr
    assert pricing("check", "out/prices.pricing").exit_code == 0


def test_import_writes_the_files_of_a_program(shelf: Shelf, pricing: Pricing) -> None:
    shelf.install_plugin("acme", EXCHANGE)
    Path("files").write_text("files")
    Path("escape").write_text("escape")
    with using(load(only={"acme"})):
        assert pricing("import", "ledger", "files").exit_code == 2
        assert pricing("import", "ledger", "files", "-o", "out").exit_code == 0
        assert pricing("import", "ledger", "files", "-o", "out").exit_code == 2
        assert pricing("import", "ledger", "escape", "-o", "out").exit_code == 2
    assert sorted(path.name for path in Path("out").iterdir()) == ["files.pricing", "rates.csv"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "ledger: line 1: the file is empty; export it again"),
        ("crash", "the importer `ledger` of the plugin `acme` 1.2 does not work: it raised KeyError"),
        ("odd", "the importer `ledger` of the plugin `acme` 1.2 does not work: it returned `str`"),
    ],
)
def test_import_says_what_is_wrong(shelf: Shelf, pricing: Pricing, content: str, words: str) -> None:
    shelf.install_plugin("acme", EXCHANGE)
    Path("prices.json").write_text(content)
    with using(load(only={"acme"})):
        result = pricing("import", "ledger", "prices.json")
    assert (result.exit_code, result.stdout) == (1, "")
    assert words in result.stderr


def test_export_writes_statements(shelf: Shelf, pricing: Pricing) -> None:
    shelf.install_plugin("acme", EXCHANGE)
    Path("one.json").write_text(json.dumps(STATEMENT))
    Path("two.json").write_text(json.dumps([STATEMENT, {**STATEMENT, "total": "2.50"}]))
    with using(load(only={"acme"})):
        assert pricing("export", "ledger", "one.json", "two.json", "-o", "out.tsv").exit_code == 0
        assert json.loads(Path("out.tsv").read_bytes()) == ["tsv", ["1.00", "1.00", "2.50"]]
        assert pricing("export", "ledger", "one.json", "-o", "out.txt").exit_code == 0
        assert json.loads(Path("out.txt").read_bytes()) == ["csv", ["1.00"]]
        assert pricing("export", "ledger", "one.json", "-o", "out.txt", "--format", "parquet").exit_code == 2
        broken = pricing("export", "broken", "one.json", "-o", "broken.csv")
    assert (broken.exit_code, Path("broken.csv").exists()) == (1, False)
    assert "`broken` of the plugin `acme` 1.2 does not work: it returned `str`, not bytes" in broken.stderr


def test_an_exporter_is_told_its_options(shelf: Shelf, pricing: Pricing) -> None:
    shelf.install_plugin("acme", EXCHANGE)
    Path("one.json").write_text(json.dumps(STATEMENT))
    call = ("export", "seller", "one.json", "-o", "out.csv")
    with using(load(only={"acme"})):
        assert pricing(*call).exit_code == 0
        assert json.loads(Path("out.csv").read_bytes()) == {}
        assert pricing(*call, "--set", "seller=A = B", "--set", "unit.tokens=Tokens").exit_code == 0
        assert json.loads(Path("out.csv").read_bytes()) == {"seller": "A = B", "unit.tokens": "Tokens"}
        wrong = [pricing(*call, "--set", text) for text in ("seler=x", "zzz=1", "seller", "=x")]
        twice = pricing(*call, "--set", "seller=a", "--set", "seller=b")
        none = pricing("export", "ledger", "one.json", "-o", "out.csv", "--set", "seller=x")
    assert [result.exit_code for result in (*wrong, twice, none)] == [2] * 6
    assert "did you mean `seller`?" in wrong[0].stderr
    assert "there are: `seller`, `unit`" in wrong[1].stderr
    assert "`ledger` has none" in none.stderr


@pytest.mark.parametrize("content", ["not json", "[1]", '{"total": "1.00"}'])
def test_export_takes_statements_only(shelf: Shelf, pricing: Pricing, content: str) -> None:
    shelf.install_plugin("acme", EXCHANGE)
    Path("one.json").write_text(content)
    with using(load(only={"acme"})):
        result = pricing("export", "ledger", "one.json", "-o", "out.csv")
    assert result.exit_code == 2
    assert "pricing preview --format json" in result.stderr


def test_unknown_names_are_said_with_the_reason(shelf: Shelf, pricing: Pricing) -> None:
    shelf.install_plugin("acme", EXCHANGE)
    Path("prices.json").write_text("{}")
    with using(load(only={"acme"})):
        near = pricing("import", "lodger", "prices.json")
    with using(load(but={"acme"}, only=set())):
        left_out = pricing("import", "ledger", "prices.json")
        none = pricing("export", "zzz", "prices.json", "-o", "x")
    assert (near.exit_code, left_out.exit_code, none.exit_code) == (2, 2, 2)
    assert "did you mean `ledger`?" in near.stderr
    assert "the plugin `acme` 1.2, which provides it, is not used: it is left out" in left_out.stderr
    assert "no plugin that is installed has an exporter" in none.stderr


# --- commands of plugins -------------------------------------------------------------------------------------------

COMMANDS = """
def load_greeting():
    import typer
    app = typer.Typer()

    @app.command()
    def greet(name: str, loud: bool = False, to: str = "all"):
        print((name.upper() if loud else name) + " " + to)
        raise typer.Exit(3 if loud else 0)

    return app

@hookimpl
def register_commands():
    return [Command("greet", load_greeting, "Say hello."),
            Command("crash", lambda: 1 / 0, "Fails."), Command("odd", lambda: 7, "Returns a number.")]
"""


def test_a_command_of_a_plugin_is_one_of_pricing(shelf: Shelf, pricing: Pricing) -> None:
    shelf.install_plugin("acme", COMMANDS)
    with using(load(only={"acme"})):
        shown = pricing("--help").stdout
        quiet, loud = pricing("greet", "ann", "--to", "us"), pricing("greet", "--loud", "ann")
        own_help = pricing("greet", "--help").stdout
        crash, odd = pricing("crash"), pricing("odd")
        unknown = pricing("grete")
    assert re.search(r"greet +Say hello\.", shown)
    assert (quiet.stdout, quiet.exit_code) == ("ann us\n", 0)
    assert (loud.stdout, loud.exit_code) == ("ANN all\n", 3)
    assert "Usage: pricing greet" in own_help
    assert "--loud" in own_help
    assert (crash.exit_code, odd.exit_code, unknown.exit_code) == (1, 1, 2)
    assert "`crash` of the plugin `acme` 1.2 does not work: it raised ZeroDivisionError" in crash.stderr
    assert "is `int`, not a `typer.Typer`" in odd.stderr


def test_no_plugin_may_take_the_name_of_a_command() -> None:
    import typer

    own = set(getattr(typer.main.get_command(app), "commands", {}))
    assert own == set(CORE_COMMANDS)
    assert not own & set(plugins().commands)
