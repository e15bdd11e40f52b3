"""docs/plugins/README.md is executed: its files are written, its packages installed, its commands run and compared.

`UPDATE_DOCS=1 pytest tests/plugins/test_guide.py` writes what the commands print into the page; review the difference.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.blocks import ROOT, Block, Command, read_blocks, read_commands
from tests.docs.test_pages import write

GUIDE = ROOT / "docs/plugins/README.md"
PIP = """#!{python}
import pathlib, sys, tomllib
assert sys.argv[1:3] == ["install", "--editable"] and len(sys.argv) == 4, sys.argv
folder = pathlib.Path(sys.argv[3]).resolve()
project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
site = pathlib.Path({site!r})
info = site / (project["name"].replace("-", "_") + "-" + project["version"] + ".dist-info")
info.mkdir(parents=True)
said = ["Metadata-Version: 2.1", "Name: " + project["name"], "Version: " + project["version"], ""]
(info / "METADATA").write_text("\\n".join(said))
points = [f"{{name}} = {{value}}" for name, value in project["entry-points"]["pricing_dsl"].items()]
(info / "entry_points.txt").write_text("\\n".join(["[pricing_dsl]", *points, ""]))
for module in folder.glob("pricing_*"):
    (site / module.name).symlink_to(module)
"""
PRICING = """#!{python}
from pricing_dsl.cli import main
main()
"""
"""Stand-ins for the commands that the guide runs: `pip install --editable` without a network, and this `pricing`."""


def desk(folder: Path) -> dict[str, str]:
    """A folder to work in with `pip` and `pricing`, and the environment to use it."""
    programs, site = folder / "bin", folder / "site-packages"
    programs.mkdir()
    site.mkdir()
    for name, text in (("pip", PIP.format(python=sys.executable, site=str(site))), ("pricing", PRICING)):
        program = programs / name
        program.write_text(text.format(python=sys.executable) if name == "pricing" else text, encoding="utf-8")
        program.chmod(0o755)
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PRICING_")}
    return {
        **environment,
        "PATH": f"{programs}{os.pathsep}{environment['PATH']}",
        "PYTHONPATH": f"{site}{os.pathsep}{ROOT}",
        "COLUMNS": "100",
        "NO_COLOR": "1",
        "TERM": "dumb",
        "PRICING_PLUGINS": "hourly_peak,bundle,articles",
    }


def run(command: str, folder: Path, environment: dict[str, str]) -> str:
    done = subprocess.run(
        ["bash", "-c", command], cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, timeout=120, check=False,
    )  # fmt: skip
    return "".join(line.rstrip() + "\n" for line in done.stdout.splitlines())


def follow(blocks: tuple[Block, ...], folder: Path) -> list[tuple[Block, list[Command]]]:
    """Do what the page says from top to bottom: each console block with what its commands print."""
    environment = desk(folder)
    work = folder / "work"
    work.mkdir()
    seen: list[tuple[Block, list[Command]]] = []
    for block in blocks:
        if block.file is not None:
            path = work / block.file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, encoding="utf-8")
        elif block.language == "console":
            commands = read_commands(block.text)
            seen.append((block, [Command(each.line, run(each.line, work, environment)) for each in commands]))
    return seen


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Block, list[Command]]]:
    seen = follow(read_blocks(GUIDE), tmp_path_factory.mktemp("guide"))
    if os.environ.get("UPDATE_DOCS"):
        for block, commands in seen:
            write(block, commands)
        return follow(read_blocks(GUIDE), tmp_path_factory.mktemp("guide"))
    return seen


def test_every_command_prints_what_the_guide_says(followed: list[tuple[Block, list[Command]]]) -> None:
    assert followed
    for block, actual in followed:
        assert actual == list(read_commands(block.text)), block.id


def test_an_author_imports_nothing_but_the_project(followed: list[tuple[Block, list[Command]]]) -> None:
    assert followed
    for block in read_blocks(GUIDE):
        if block.language == "python":
            imported = set(re.findall(r"^(?:from|import) (\w+)", block.text, re.MULTILINE))
            assert imported - sys.stdlib_module_names <= {"pricing_dsl"}
            assert set(re.findall(r"from (pricing_dsl[\w.]*) import", block.text)) <= {"pricing_dsl.plugin"}


def test_every_block_is_a_file_or_is_run() -> None:
    blocks = read_blocks(GUIDE)
    assert all(block.file is not None or block.language == "console" for block in blocks)
    assert {"python", "toml", "pricing", "console"} <= {block.language for block in blocks}
