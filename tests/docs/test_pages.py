"""Every program, command and Python session of README.md and docs/ is executed, and what it prints is compared.

After a change that is meant, `UPDATE_DOCS=1 pytest tests/docs` writes the new output into the console blocks; review
the difference.
"""

from __future__ import annotations

import doctest
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import pricing_dsl
from tests.docs.blocks import PAGES, ROOT, Block, Command, read_blocks, read_commands, save_files

BLOCKS = {page: read_blocks(page) for page in PAGES}
ALL = [block for blocks in BLOCKS.values() for block in blocks]
PROGRAMS = [b for b in ALL if b.language == "pricing" and "prelude" not in b.words and "append" not in b.words]
CONSOLES = [b for b in ALL if b.language == "console"]
SESSIONS = [page for page, blocks in BLOCKS.items() if any(b.language == "python" for b in blocks)]
FILES = {"llm_prices.csv": (ROOT / "examples/llm/llm_prices.csv").read_bytes()}
COLUMNS = 100


UNUSED = "W04"
"""Codes of what a program declares and nothing uses: fragments leave most of their prelude alone."""


def complete(block: Block) -> str:
    """The whole program that a fragment stands for."""
    prelude = "".join(b.text for b in BLOCKS[block.page] if "prelude" in b.words)
    meter = block.after("steps")
    if meter is not None:
        return f"{prelude}\nplan p {{ charge it on {meter} {{\n{block.text}}} }}"
    if "plan" in block.words:
        return f"{prelude}\nplan p {{\n{block.text}}}"
    return prelude + block.text if "fragment" in block.words else block.text


@pytest.mark.parametrize("block", PROGRAMS, ids=lambda block: block.id)
def test_program(block: Block) -> None:
    found = [diagnostic.code for diagnostic in pricing_dsl.check(complete(block), files=FILES)]
    if complete(block) != block.text:
        found = [code for code in found if not code.startswith(UNUSED)]
    refused = block.after("error")
    assert found == ([] if refused is None else [refused])
    if refused is None:
        results = pricing_dsl.compile(complete(block), files=FILES).run_examples()
        assert [result for result in results if not result.passed] == []


@pytest.mark.parametrize("block", CONSOLES, ids=lambda block: block.id)
def test_console(block: Block, tmp_path: Path) -> None:
    save_files(BLOCKS[block.page], block, tmp_path)
    commands = read_commands(block.text)
    assert commands, "a console block has commands"
    actual = [Command(command.line, run(command.line, tmp_path)) for command in commands]
    if os.environ.get("UPDATE_DOCS"):
        write(block, actual)
        return
    assert actual == list(commands)


@pytest.mark.parametrize("page", SESSIONS, ids=lambda page: str(page.relative_to(ROOT)))
def test_python(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_files(BLOCKS[page], None, tmp_path)
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for block in BLOCKS[page]:
        if block.language != "python":
            continue
        session = doctest.DocTestParser().get_doctest(block.text, names, block.id, str(page), block.line)
        report: list[str] = []
        doctest.DocTestRunner().run(session, out=report.append, clear_globs=False)
        assert not report, "".join(report)
        names = session.globs


def test_every_fence_is_executed_or_plain() -> None:
    known = {"pricing", "console", "python", "json", "sh"}
    assert {block.language for block in ALL} <= known


def run(line: str, folder: Path) -> str:
    """What a command prints, in a terminal of fixed width without colours."""
    program, *arguments = shlex.split(line)
    assert program == "pricing", "only the project's own command is run"
    environment = {**os.environ, "COLUMNS": str(COLUMNS), "NO_COLOR": "1", "TERM": "dumb", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", "from pricing_dsl.cli import main; main()", *arguments],
        cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120,
        check=False,
    )  # fmt: skip
    return "".join(part.rstrip() + "\n" for part in done.stdout.splitlines())


def write(block: Block, commands: list[Command]) -> None:
    """Replace the text of a console block by the commands and their new output."""
    source = block.page.read_text(encoding="utf-8")
    new = "".join(f"$ {command.line}\n{command.output}" for command in commands)
    at = source.index(f"```console\n{block.text}") + len("```console\n")
    block.page.write_text(source[:at] + new + source[at + len(block.text) :], encoding="utf-8")
