"""The IR as JSON, exactly: what is stored, sent and hashed.

A node is an object `{"node": "Linear", "rate": ..., "span": [start, end]}`; the small records of tables, sums and bands
are arrays of their fields in order; a fraction is `"n"` or `"n/d"` in lowest terms. Where a text may stand too (the
value of a `Const`) a number is `{"number": "n/d"}`. The codec is derived once from the dataclasses of `nodes` and their
type hints, so a new node needs nothing here. Reading is strict: a document that is not exactly a program is an
`IrError` that says where, and what was read is verified. May import `nodes` and `verify` only.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import fields
from fractions import Fraction
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from pricing_dsl.ir import nodes as ir
from pricing_dsl.ir.verify import IrError, verify
from pricing_dsl.source import Span

NUMBER_CHARACTERS_MAX = 4_000
"""Length of one number in a document, sign and `/` included; far beyond what a program of 60 digits a number makes."""

Json = dict[str, Any]
Reader = Callable[[Any], Any]


def to_json(program: ir.Program, *, spans: bool = True) -> Json:
    """The program as plain JSON values. Raises `IrError` where a number is too long to be written or nesting deep."""
    try:
        return _encode_node(program, spans)
    except RecursionError:
        raise IrError("", "the program nests too deeply") from None


def from_json(data: object) -> ir.Program:
    """The verified program that `to_json` wrote; spans may be left out. Raises `IrError` for anything else."""
    try:
        program: ir.Program = _read_node(data, {"Program": ir.Program})
    except RecursionError:
        raise IrError("", "the document nests too deeply") from None
    verify(program)
    return program


def dumps(program: ir.Program, *, spans: bool = True) -> str:
    """The canonical text: keys sorted, no spaces, characters as they are. Raises as `to_json`."""
    return json.dumps(to_json(program, spans=spans), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def loads(text: str | bytes) -> ir.Program:
    """The verified program in a JSON text. Raises `IrError` for what is not JSON, and as `from_json`."""
    try:
        data = json.loads(text, parse_float=_refuse_number, parse_constant=_refuse_number, parse_int=_read_digits)
    except RecursionError:
        raise IrError("", "the document nests too deeply") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise IrError("", f"the document is not JSON: {error}") from None
    return from_json(data)


def content_hash(program: ir.Program) -> str:
    """SHA-256, in hex, of the canonical text without spans: the same wherever and however the program is laid out."""
    return hashlib.sha256(dumps(program, spans=False).encode()).hexdigest()


def blank_fields(tag: str) -> Json:
    """The fields of the node called `tag` that may be empty, with what stands there then: `None` or `[]`."""
    cls = NODES.get(tag)
    if cls is None:
        return {}
    blanks: Json = {}
    for name, hint in _field_hints(cls).items():
        options = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
        if NoneType in options:
            blanks[name] = None
        elif get_origin(hint) is tuple:
            blanks[name] = []
    return blanks


# --- writing ---------------------------------------------------------------------------------------------------------


def _encode_node(node: Any, spans: bool) -> Json:
    cls: type = type(node)
    out: Json = {"node": cls.__name__}
    for name, tagged in _written_fields(cls):
        value = getattr(node, name)
        out[name] = {"number": _encode(value, spans)} if tagged and type(value) is Fraction else _encode(value, spans)
    if spans:
        out["span"] = list(node.span)
    return out


def _encode(value: Any, spans: bool) -> Any:
    if type(value) is Fraction:
        return _fraction_text(value)
    if isinstance(value, tuple):  # a list, or a record
        return [_encode(item, spans) for item in value]
    if isinstance(value, ir.Node):
        return _encode_node(value, spans)
    return value


def _fraction_text(value: Fraction) -> str:
    # A bit count first: Python refuses to write a whole number of more than 4,300 digits.
    if value.numerator.bit_length() + value.denominator.bit_length() > 3 * NUMBER_CHARACTERS_MAX:
        raise IrError("", f"a number is longer than {NUMBER_CHARACTERS_MAX} characters")
    return str(value)


@cache
def _field_hints(cls: type) -> dict[str, Any]:
    hints = get_type_hints(cls)
    return {field.name: hints[field.name] for field in fields(cls) if field.name != "span"}


@cache
def _written_fields(cls: type) -> tuple[tuple[str, bool], ...]:
    """Each field's name, and whether a number there must be told from a text."""
    return tuple((name, {Fraction, str} <= set(get_args(hint))) for name, hint in _field_hints(cls).items())


# --- reading ---------------------------------------------------------------------------------------------------------


NODES: dict[str, type] = {
    name: cls for name, cls in vars(ir).items() if isinstance(cls, type) and issubclass(cls, ir.Node)
}
"""Every node class by its tag."""

_FRACTION = re.compile(r"(-?[1-9][0-9]*|0)(?:/([1-9][0-9]*))?")


@cache
def _readers(cls: type) -> dict[str, Reader]:
    return {name: _reader(hint) for name, hint in _field_hints(cls).items()}


@cache
def _reader(hint: Any) -> Reader:
    """The function that reads a value of this type hint from JSON, or raises `IrError`."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return _union_reader(arguments)
    if origin is Literal:
        return _literal_reader(arguments)
    if origin is tuple:
        return _list_reader(_reader(arguments[0]))
    if isinstance(hint, type) and issubclass(hint, ir.Node):
        allowed = {hint.__name__: hint}
        return lambda data: _read_node(data, allowed)
    if hasattr(hint, "_fields"):
        return _record_reader(hint)
    simple: dict[Any, Reader] = {Fraction: _read_fraction, str: _read_text, int: _read_int, bool: _read_bool}
    return simple[hint]


def _union_reader(options: tuple[Any, ...]) -> Reader:
    """Chooses by the kind of the JSON value; `{"number": ...}` stands for a fraction where a text may stand too."""
    tagged = {Fraction, str} <= set(options)
    nodes = {cls.__name__: cls for cls in options if isinstance(cls, type) and issubclass(cls, ir.Node)}
    by_kind: dict[type, Reader] = {}
    for option in options:
        if option is NoneType:
            by_kind[NoneType] = lambda data: data
        elif option in (bool, int):
            by_kind[option] = _reader(option)
        elif get_origin(option) is tuple:
            by_kind[list] = _reader(option)
        elif option.__name__ not in nodes and not (tagged and option is Fraction):
            by_kind[str] = _reader(option)
    if nodes:
        by_kind[dict] = lambda data: _read_node(data, nodes)
    elif tagged:
        by_kind[dict] = _read_tagged_number
    expected = " or ".join(sorted({_KIND_NAMES[kind] for kind in by_kind}))

    def read(data: Any) -> Any:
        reader = by_kind.get(type(data))
        if reader is None:
            raise IrError("", f"expected {expected}, found {_kind(data)}")
        return reader(data)

    return read


def _literal_reader(words: tuple[str, ...]) -> Reader:
    def read(data: Any) -> str:
        if type(data) is not str or data not in words:
            raise IrError("", f"expected one of {', '.join(words)}, found {_shown(data)}")
        return data

    return read


def _list_reader(read_item: Reader) -> Reader:
    def read(data: Any) -> tuple[Any, ...]:
        if type(data) is not list:
            raise IrError("", f"expected a list, found {_kind(data)}")
        items: list[Any] = []
        try:
            for item in data:
                items.append(read_item(item))
        except IrError as error:
            raise error.under(f"[{len(items)}]") from None
        return tuple(items)

    return read


def _record_reader(record: Any) -> Reader:
    hints = get_type_hints(record)
    names: tuple[str, ...] = record._fields
    readers = [_reader(hints[name]) for name in names]

    def read(data: Any) -> Any:
        if type(data) is not list or len(data) != len(names):
            raise IrError("", f"expected a list of {len(names)} ({', '.join(names)}), found {_kind(data)}")
        values: list[Any] = []
        try:
            for reader, item in zip(readers, data, strict=True):
                values.append(reader(item))
        except IrError as error:
            raise error.under(f".{names[len(values)]}") from None
        return record(*values)

    return read


def _read_node(data: Any, allowed: dict[str, type]) -> Any:
    if type(data) is not dict:
        raise IrError("", f"expected a node ({', '.join(allowed)}), found {_kind(data)}")
    tag = data.get("node")
    cls = allowed.get(tag) if type(tag) is str else None
    if cls is None:
        raise IrError("", f"expected a node of {', '.join(allowed)}, found {_shown(tag)}")
    readers = _readers(cls)
    for name in data:
        if name not in readers and name not in ("node", "span"):
            raise IrError("", f"a {tag} has no field {_shown(name)}")
    values: Json = {}
    name = ""
    try:
        for name, reader in readers.items():
            if name not in data:
                raise IrError("", f"is missing from a {tag}")
            values[name] = reader(data[name])
        name = "span"
        if name in data:
            values[name] = _read_span(data[name])
    except IrError as error:
        raise error.under(f".{name}") from None
    return cls(**values)


def _read_span(data: Any) -> Span:
    if type(data) is not list or len(data) != 2 or any(type(n) is not int for n in data) or not 0 <= data[0] <= data[1]:
        raise IrError("", "expected a span [start, end] with 0 <= start <= end")
    return Span(data[0], data[1])


def _read_fraction(data: Any) -> Fraction:
    if type(data) is not str:
        raise IrError("", f'expected a number as "n" or "n/d", found {_kind(data)}')
    found = _FRACTION.fullmatch(data) if len(data) <= NUMBER_CHARACTERS_MAX else None
    if found is None:
        raise IrError("", f'expected a number as "n" or "n/d", found {_shown(data)}')
    numerator, denominator = found.groups()
    if denominator is None:
        return Fraction(int(numerator))
    value = Fraction(int(numerator), int(denominator))
    if str(value) != data:
        raise IrError("", f"expected a number in lowest terms, found {_shown(data)}")
    return value


def _read_tagged_number(data: Json) -> Fraction:
    if set(data) != {"number"}:
        raise IrError("", 'expected {"number": "n/d"}')
    try:
        return _read_fraction(data["number"])
    except IrError as error:
        raise error.under(".number") from None


def _read_text(data: Any) -> str:
    if type(data) is not str:
        raise IrError("", f"expected a text, found {_kind(data)}")
    if not data.isascii() and any("\ud800" <= character <= "\udfff" for character in data):
        raise IrError("", "half of a surrogate pair is no text")
    return data


def _read_int(data: Any) -> int:
    if type(data) is not int:
        raise IrError("", f"expected a whole number, found {_kind(data)}")
    return data


def _read_bool(data: Any) -> bool:
    if type(data) is not bool:
        raise IrError("", f"expected true or false, found {_kind(data)}")
    return data


def _refuse_number(text: str) -> object:
    raise IrError("", f"{text[:40]} is not exact: numbers are texts, as n or n/d")


def _read_digits(text: str) -> int:
    if len(text) > 20:
        raise IrError("", f"{text[:20]}... is too long for a whole number of a document")
    return int(text)


_KIND_NAMES = {
    NoneType: "null", bool: "true or false", int: "a whole number", float: "a float", str: "a text", list: "a list",
    dict: "an object",
}  # fmt: skip


def _kind(data: Any) -> str:
    if type(data) is list:
        return f"a list of {len(data)}"
    return _KIND_NAMES.get(type(data), f"a {type(data).__name__}")


def _shown(data: Any) -> str:
    if type(data) is not str:
        return _kind(data)
    return json.dumps(data if len(data) <= 60 else data[:60] + "...")
