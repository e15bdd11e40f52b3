"""The IR as indented text, one node a line: what people read in dumps, diffs and golden tests.

    Program currency=USD digits=#2 language=#1
      tables[]: Table dimensions=[model] name=llm
        rows[]: [[[pattern "gpt-*"]] [5/4]]

A line is a node with its simple fields; each node below it is a line of its own, two spaces further in, under the name
of its field, `[]` when that field is a list. What is empty is left out. Texts are bare where they are a word or a
number, otherwise quoted as in JSON; whole numbers that are not fractions are written `#2`, and `@12:40` is a span.
It is the JSON form printed differently, so it reads back exactly. May import `json` and `verify`.
"""

from __future__ import annotations

import json as standard_json
import re
from typing import Any

from pricing_dsl.ir import nodes as ir
from pricing_dsl.ir.json import Json, blank_fields, from_json, to_json
from pricing_dsl.ir.verify import IrError

_BARE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|-?[0-9]+(?:/[0-9]+)?")
_RESERVED = {"true", "false", "null"}
_TOKEN = re.compile(r' +|"(?:[^"\\]|\\.)*"|[A-Za-z_][A-Za-z0-9_]*|-?[0-9]+(?:/[0-9]+)?|\[\]:|[\[\]=:#@]')


def to_text(program: ir.Program, *, spans: bool = False) -> str:
    """The program as text that ends in a line end. Raises as `to_json`."""
    lines: list[str] = []
    _write_node(to_json(program, spans=spans), "", "", lines)
    return "\n".join(lines) + "\n"


def from_text(text: str) -> ir.Program:
    """The verified program that `to_text` wrote. Raises `IrError` with the line where the text is not one."""
    # Only "\n" ends a line: `splitlines` would also cut at characters that may stand in a quoted text.
    lines = [(number, line) for number, line in enumerate(text.split("\n"), start=1) if line.strip(" \r")]
    if not lines:
        raise IrError("", "the text is empty")
    try:
        data = _read_lines([_LineReader(number, line) for number, line in lines])
    except RecursionError:
        raise IrError("", "the text nests too deeply") from None
    return from_json(data)


# --- writing ---------------------------------------------------------------------------------------------------------


def _write_node(node: Json, indent: str, field: str, lines: list[str]) -> None:
    blanks = blank_fields(node["node"])
    words = [f"{field}{node['node']}"]
    below: list[tuple[str, Any]] = []
    for name, value in node.items():
        if name in ("node", "span") or (name in blanks and value == blanks[name]):
            continue
        if isinstance(value, dict) and "node" in value:
            below.append((f"{name}: ", value))
        elif isinstance(value, list) and any(isinstance(item, list | dict) for item in value):
            below += [(f"{name}[]: ", item) for item in value]
        else:
            words.append(f"{name}={_value_text(value)}")
    if "span" in node and node["span"] != list(ir.NOWHERE):
        words.append(f"@{node['span'][0]}:{node['span'][1]}")
    lines.append(indent + " ".join(words))
    for name, value in below:
        if isinstance(value, dict):
            _write_node(value, indent + "  ", name, lines)
        else:
            lines.append(f"{indent}  {name}{_value_text(value)}")


def _value_text(value: Any) -> str:
    if isinstance(value, list):
        return f"[{' '.join(_value_text(item) for item in value)}]"
    if isinstance(value, dict):  # only `{"number": ...}` is left
        return f"number:{value['number']}"
    if isinstance(value, bool) or value is None:
        return standard_json.dumps(value)
    if isinstance(value, int):
        return f"#{value}"
    if _BARE.fullmatch(value) and value not in _RESERVED:
        return str(value)
    return standard_json.dumps(value, ensure_ascii=False)


# --- reading ---------------------------------------------------------------------------------------------------------


def _read_lines(readers: list[_LineReader]) -> Json:
    root = readers[0]
    if root.indent != 0:
        raise root.error("the first line is indented")
    data = root.read_node()
    open_nodes = [data]
    for reader in readers[1:]:
        depth = reader.indent // 2
        if reader.indent % 2 or not 1 <= depth <= len(open_nodes):
            raise reader.error("the line is indented below none of the nodes above")
        del open_nodes[depth:]
        node = reader.read_child(open_nodes[-1])
        if node is not None:
            open_nodes.append(node)
    return data


class _LineReader:
    """One line as tokens, without the spaces between them."""

    def __init__(self, number: int, line: str) -> None:
        self.number = number
        body = line.rstrip(" \r")
        self.indent = len(body) - len(body.lstrip(" "))
        self.tokens: list[str] = []
        at = self.indent
        while at < len(body):
            found = _TOKEN.match(body, at)
            if found is None:
                raise self.error(f"{body[at]!r} is not expected here")
            at = found.end()
            if not found[0].startswith(" "):
                self.tokens.append(found[0])
        self.next = 0

    def error(self, message: str) -> IrError:
        return IrError(f"line {self.number}", message)

    def peek(self) -> str:
        return self.tokens[self.next] if self.next < len(self.tokens) else ""

    def take(self, expected: str = "") -> str:
        token = self.peek()
        if not token or (expected and token != expected):
            raise self.error(f"expected {expected or 'a word'}, found {token or 'the end of the line'}")
        self.next += 1
        return token

    def finish(self) -> None:
        if self.peek():
            raise self.error(f"{self.peek()} is not expected here")

    def read_child(self, parent: Json) -> Json | None:
        """Put the line's node or record into its field of `parent`; the node, or `None` for a record."""
        name = self.take()
        if self.peek() == "[]:":
            self.take()
            items = [] if parent.get(name) is None else parent[name]  # a list may be absent
            parent[name] = items
            if not isinstance(items, list):
                raise self.error(f"{name} is no list")
        else:
            self.take(":")
            if parent.get(name) is not None:
                raise self.error(f"{name} is given twice")
            items = None
        if self.peek() == "[" and items is not None:
            items.append(self.read_value())
            self.finish()
            return None
        node = self.read_node()
        if items is None:
            parent[name] = node
        else:
            items.append(node)
        return node

    def read_node(self) -> Json:
        tag = self.take()
        node: Json = {"node": tag, **blank_fields(tag)}
        given: set[str] = set()
        while self.peek() not in ("", "@"):
            name = self.take()
            self.take("=")
            if name in given:
                raise self.error(f"{name} is given twice")
            given.add(name)
            node[name] = self.read_value()
        if self.peek() == "@":
            self.take()
            start = self.read_whole()
            self.take(":")
            node["span"] = [start, self.read_whole()]
        self.finish()
        return node

    def read_value(self) -> Any:
        token = self.take()
        if token == "[":
            items = []
            while self.peek() != "]":
                items.append(self.read_value())
            self.take("]")
            return items
        if token == "#":
            return self.read_whole()
        if token == "number" and self.peek() == ":":
            self.take()
            return {"number": self.take()}
        if token in _RESERVED:
            return standard_json.loads(token)
        if token.startswith('"'):
            try:
                return standard_json.loads(token)
            except standard_json.JSONDecodeError:
                raise self.error(f"{token} is not a text") from None
        if not _BARE.fullmatch(token):
            raise self.error(f"{token} is not expected here")
        return token

    def read_whole(self) -> int:
        token = self.take()
        if not re.fullmatch(r"-?[0-9]{1,20}", token):
            raise self.error(f"{token} is not a whole number")
        return int(token)
