"""Programs and what the parser makes of them.

Each `tests/golden/syntax/good/*.pricing` stands beside its whole tree, each `bad/*.pricing` beside the full text of its
diagnostics. Between them the good ones use every construct of the language.
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from datetime import date
from fractions import Fraction
from pathlib import Path
from types import UnionType
from typing import get_args

import pytest

from pricing_dsl.diagnostics.codes import CODES
from pricing_dsl.diagnostics.text import render
from pricing_dsl.source import Source
from pricing_dsl.syntax import nodes
from pricing_dsl.syntax.parse import from_source
from pricing_dsl.values.numbers import decimal_text

FOLDER = Path(__file__).parents[1] / "golden" / "syntax"
GOOD = [pytest.param(path, id=path.stem) for path in sorted(FOLDER.glob("good/*.pricing"))]
BAD = [pytest.param(path, id=path.stem) for path in sorted(FOLDER.glob("bad/*.pricing"))]


def is_written(part: object) -> bool:
    return part is not None and part is not False and part != ()


def tree_text(value: object, depth: int = 0) -> str:
    """A tree as indented lines: the class of a node, then its parts that are written."""
    indent = "  " * depth
    match value:
        case nodes.Node():
            parts = [(field.name, getattr(value, field.name)) for field in fields(value) if field.name != "span"]
            written = [(name, part) for name, part in parts if is_written(part)]
            small = [f"{name}={_small(part)}" for name, part in written if not _is_large(part)]
            lines = [f"{indent}{type(value).__name__} {' '.join(small)}".rstrip()]
            for name, part in written:
                if _is_large(part):
                    lines += [f"{indent}  .{name}", tree_text(part, depth + 2)]
            return "\n".join(lines)
        case tuple():
            return "\n".join(tree_text(part, depth) for part in value)
        case _:
            raise AssertionError(value)


def _is_large(part: object) -> bool:
    return isinstance(part, (nodes.Node, tuple)) and not isinstance(part, (nodes.Name, nodes.Text, nodes.Number))


def _small(part: object) -> str:
    match part:
        case nodes.Name(text=text):
            return text
        case nodes.Text(value=value):
            return f'"{value}"'
        case nodes.Number(value=value, percent=percent, unit=unit):
            return decimal_text(value) + (" as percent" if percent else "") + (f" {unit.text}" if unit else "")
        case Fraction():
            return decimal_text(part)
        case date():
            return part.isoformat()
        case _:
            return str(part)


@pytest.mark.parametrize("path", GOOD)
def test_tree(path: Path, rewrite: bool) -> None:
    parsed = from_source(Source(path.read_text(), path.name))
    assert parsed.diagnostics == ()
    text = tree_text(parsed.program) + "\n"
    expected = path.with_suffix(".tree")
    if rewrite:
        expected.write_text(text)
    assert text == expected.read_text()


@pytest.mark.parametrize("path", BAD)
def test_diagnostics(path: Path, rewrite: bool) -> None:
    source = Source(path.read_text(), path.name)
    diagnostics = from_source(source).diagnostics
    assert diagnostics
    assert {diagnostic.code for diagnostic in diagnostics} <= CODES.keys()
    for diagnostic in diagnostics:
        assert diagnostic.help, diagnostic.message
        assert diagnostic.span.start < diagnostic.span.end, diagnostic.message
    text = render(source, diagnostics)
    expected = path.with_suffix(".txt")
    if rewrite:
        expected.write_text(text)
    assert text == expected.read_text()


def walk(value: object) -> list[nodes.Node]:
    """Every node of a tree."""
    if isinstance(value, tuple):
        return [node for part in value for node in walk(part)]
    if not isinstance(value, nodes.Node):
        return []
    return [value, *(node for field in fields(value) for node in walk(getattr(value, field.name)))]


def test_good_programs_use_every_node_and_every_part() -> None:
    """No construct is without a program that shows its tree: each class occurs, and each part of it written and not."""
    seen: dict[type, dict[str, set[bool]]] = {}
    for path in FOLDER.glob("good/*.pricing"):
        for node in walk(from_source(Source(path.read_text())).program):
            for field in fields(node):
                part = getattr(node, field.name)
                seen.setdefault(type(node), {}).setdefault(field.name, set()).add(is_written(part))
    classes = {
        member
        for member in vars(nodes).values()
        if isinstance(member, type) and issubclass(member, nodes.Node) and is_dataclass(member)
    } - {nodes.Node, nodes.StepNode}
    assert classes == seen.keys()
    never = {
        f"{kind.__name__}.{name}"
        for kind, parts in seen.items()
        for name, written in parts.items()
        if True not in written
    }
    assert {name for name in never if not name.endswith(".when")} == set()
    for union in (nodes.Step, nodes.PlanItem, nodes.BalanceClause, nodes.MeterClause, nodes.Expression):
        assert isinstance(union, UnionType)
        assert set(get_args(union)) <= seen.keys()


def test_the_page_of_the_reference_is_a_good_program() -> None:
    """Spans are exact: the text under a node is what says it."""
    text = (FOLDER / "good" / "page.pricing").read_text()
    program = from_source(Source(text)).program
    assert [type(node).__name__ for node in program.declarations] == (
        [
            "Currency",
            "Unit",
            "Unit",
            "Meter",
            "Meter",
            "Meter",
            "Rates",
            "Rates",
            "Plan",
            "Contract",
            "Example",
            "Prove",
        ]
    )
    for node in walk(program):
        under = text[node.span.start : node.span.end]
        match node:
            case nodes.Name(text=name) | nodes.Reference(name=name):
                assert under == name
            case nodes.Text(value=value):
                assert under == f'"{value}"'
            case nodes.Fee():
                assert under == 'fee platform "Platform fee" 499'
            case nodes.Commit():
                assert under.startswith("commit annual")
                assert under.endswith("}")
            case nodes.RateNumber(value=value, per=None):
                assert decimal_text(value.value) == decimal_text(Fraction(under))
            case nodes.Prove():
                assert under == "prove scale never decreases in requests"
