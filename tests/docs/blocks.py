"""The fenced blocks of a Markdown page, and what the words behind the fence mean to the tests that execute them.

pricing                     a complete program: it checks without errors or warnings, and its examples pass
pricing prelude             declarations that stand before the fragments of the page
pricing fragment            declarations: they check behind the prelude
pricing plan                items of a plan: likewise
pricing steps METER         steps of a charge on that meter: likewise
pricing ... error CODE      refused with that code and no other
pricing|json file=NAME      is also saved under that name for the blocks below it; `append` adds to what is there
console                     `$ pricing ...` lines, each with the output that follows it
python                      a doctest; all of a page share their names
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = (
    ROOT / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "docs/adr").glob("*.md")),
    *sorted((ROOT / "examples").rglob("*.md")),
)
"""The pages of docs/errors have a test of their own."""

_FENCE = re.compile(r"^```(?P<info>\S[^\n]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block; `words` are those behind the language, `start` is where its text begins in the page."""

    page: Path
    language: str
    words: tuple[str, ...]
    text: str
    start: int
    line: int

    @property
    def id(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    @property
    def file(self) -> str | None:
        """The name it is saved under."""
        return next((word.removeprefix("file=") for word in self.words if word.startswith("file=")), None)

    def after(self, word: str) -> str | None:
        """The word that follows `word`: `error U0301`, `steps tokens`."""
        return self.words[self.words.index(word) + 1] if word in self.words else None


def read_blocks(page: Path) -> tuple[Block, ...]:
    """All fenced blocks of a page that name a language, in order."""
    source = page.read_text(encoding="utf-8")
    blocks = []
    for match in _FENCE.finditer(source):
        language, *words = match["info"].split()
        line = source.count("\n", 0, match.start()) + 1
        blocks.append(Block(page, language, tuple(words), match["text"], match.start("text"), line))
    return tuple(blocks)


def save_files(blocks: tuple[Block, ...], until: Block | None, folder: Path) -> None:
    """Write the files that a page has shown before `until` (all of them for `None`), and link the examples."""
    (folder / "examples").symlink_to(ROOT / "examples")
    for block in blocks:
        if until is not None and block.start >= until.start:
            break
        if block.file is not None:
            path = folder / block.file
            before = path.read_text(encoding="utf-8") + "\n" if "append" in block.words else ""
            path.write_text(before + block.text, encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Command:
    """One `$ ...` line of a console block and the output shown below it."""

    line: str
    output: str


def read_commands(text: str) -> tuple[Command, ...]:
    """The commands of a console block.

    >>> read_commands("$ pricing check a.pricing\\nok\\n$ pricing fmt a.pricing\\n")
    (Command(line='pricing check a.pricing', output='ok\\n'), Command(line='pricing fmt a.pricing', output=''))
    """
    commands = []
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        line, _, output = part.partition("\n")
        commands.append(Command(line, output))
    return tuple(commands)
