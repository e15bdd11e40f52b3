"""Rate tables from data files: `rates ... from "prices.csv" { price: column ... }` (language reference, section 4).

A file is CSV as RFC 4180 has it, in UTF-8, with a header line. Only files that the caller handed over are read. A key
is the column's text exactly as it stands (blank is the empty text; `*` makes it a pattern, as in quotes); a cell is a
number, `free`, or `-`. Numbers are read exactly from their text. Findings name the line of the file.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction

from pricing_dsl.check.rates import pattern_matches
from pricing_dsl.check.scope import Scope, did_you_mean
from pricing_dsl.diagnostics.diagnostic import Label
from pricing_dsl.ir import nodes as ir
from pricing_dsl.limits import DIGITS_MAX, FILE_BYTES_MAX, TABLE_ROWS_MAX
from pricing_dsl.source import Span
from pricing_dsl.syntax import nodes as syntax

CELL_TARGETS = ("price", "value")
LINES_REPORTED_MAX = 10
"""Findings in one file; a last one says that there are more."""

NUMBER = re.compile(r"([+-]?)([0-9]*)(?:\.([0-9]*))?(?:[eE]([+-]?[0-9]{1,3}))?(%?)")
Fields = list[str]
Condition = Callable[[Fields], bool]


CELL_HELP = "a cell is a number, `free`, or `-` for what is not sold"


class LineError(Exception):
    """A line that cannot be read: what is wrong with it, and what to write."""

    def __init__(self, message: str, help_text: str = CELL_HELP) -> None:
        super().__init__(message)
        self.help_text = help_text


@dataclass
class Data:
    """One table to read. `is_rate`: cells are money, so no percentages and nothing negative."""

    scope: Scope
    body: syntax.FileTable
    dimensions: tuple[str, ...]
    is_rate: bool
    columns: dict[str, int] = field(default_factory=dict)
    """Column name -> position."""
    reported: int = 0

    @property
    def file(self) -> str:
        return self.body.file.value

    def report_line(self, line: int, message: str, help_text: str) -> None:
        """A finding in one line of the file, at the place where the program names the file."""
        self.reported += 1
        if self.reported == LINES_REPORTED_MAX + 1:
            self.scope.report(
                "D0509", self.body.file.span, f'more lines of "{self.file}" cannot be read', help="mend the first ones"
            )
        elif self.reported <= LINES_REPORTED_MAX:
            self.scope.report("D0509", self.body.file.span, f'line {line} of "{self.file}" {message}', help=help_text)

    def report_equal(self, line: int, first: int, keys: str) -> None:
        """Two lines with the same keys leave open which one is meant."""
        self.reported += 1
        if self.reported <= LINES_REPORTED_MAX:
            self.scope.report(
                "D0503",
                self.body.file.span,
                f'lines {first} and {line} of "{self.file}" are both for {keys}',
                help="keep one, or tell them apart by another dimension or by `where`",
            )


def read_file_table(data: Data) -> list[ir.Row] | None:
    """The rows of a table in the file's order; `None` where the file or its columns cannot be read."""
    text = file_text(data)
    if text is None:
        return None
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = next(reader, None)
        if header is None or not read_header(data, header):
            if header is None:
                data.scope.report(
                    "D0507", data.body.file.span, f'"{data.file}" is empty', help="its first line names the columns"
                )
            return None
        targets = check_targets(data)
        where = None if data.body.where is None else condition(data, data.body.where)
        if targets is None or (data.body.where is not None and where is None):
            return None
        return read_rows(data, reader, len(header), targets, where)
    except csv.Error as error:
        data.scope.report(
            "D0507",
            data.body.file.span,
            f'line {reader.line_num} of "{data.file}" is not CSV: {error}',
            help="separate fields by commas and double the quotes inside quotes",
        )
        return None


def file_text(data: Data) -> str | None:
    """The text of the file, if it was handed over, is not too large, and is UTF-8."""
    scope, span, name = data.scope, data.body.file.span, data.file
    content = scope.files.get(name)
    if content is None:
        near = did_you_mean(name, scope.files)
        given = ", ".join(f'"{each}"' for each in sorted(scope.files)[:8])
        scope.report(
            "D0506",
            span,
            f'there is no data file "{name}"',
            label="not handed over with the program",
            help=f'did you mean "{near}"?'
            if near
            else f"handed over were: {given}"
            if given
            else "hand it over with the program: a program reads no disk by itself",
        )
        return None
    if len(content) > FILE_BYTES_MAX:
        scope.report(
            "D0510",
            span,
            f'"{name}" has {len(content)} bytes; {FILE_BYTES_MAX} are allowed',
            help="keep only the columns and lines that the table reads",
        )
        return None
    if isinstance(content, str):
        return content.removeprefix("\ufeff")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        scope.report("D0507", span, f'line {line} of "{name}" is not UTF-8', help="save the file as UTF-8")
        return None


# --- columns -------------------------------------------------------------------------------------------------------


def read_header(data: Data, header: Fields) -> bool:
    """Take the columns' names; two columns of one name leave open which is meant."""
    for position, name in enumerate(header):
        if name in data.columns:
            data.scope.report(
                "D0507", data.body.file.span, f'"{data.file}" has two columns `{name}`', help="rename one"
            )
            return False
        data.columns[name] = position
    return True


def check_targets(data: Data) -> tuple[int, tuple[int, ...]] | None:
    """The position of the cell's column, and those of the dimensions in their order; a dimension's own name if none."""
    scope = data.scope
    said: dict[str, syntax.FileColumn] = {}
    fine = True
    for column in data.body.columns:
        target = column.target.text
        if target not in CELL_TARGETS and target not in data.dimensions:
            known = [CELL_TARGETS[0] if data.is_rate else CELL_TARGETS[1], *data.dimensions]
            near = did_you_mean(target, known)
            scope.report(
                "N0202",
                column.target.span,
                f"`{target}` is neither a dimension of this table nor its price",
                help=f"did you mean `{near}`?" if near else f"there are: {', '.join(f'`{each}`' for each in known)}",
            )
            fine = False
            continue
        key = CELL_TARGETS[0] if target in CELL_TARGETS else target
        if key in said:
            scope.report(
                "N0107",
                column.span,
                f"the column of `{target}` is said twice",
                labels=[Label(said[key].span, "first here")],
                help="keep one",
            )
            fine = False
        said.setdefault(key, column)
    if CELL_TARGETS[0] not in said:
        word = CELL_TARGETS[0] if data.is_rate else CELL_TARGETS[1]
        known_columns = ", ".join(f"`{name}`" for name in list(data.columns)[:8])
        scope.report(
            "D0508",
            data.body.span,
            f'this does not say which column of "{data.file}" holds the {word}',
            help=f"write `{word}: COLUMN`; its columns are: {known_columns}",
        )
        return None
    cell = column_position(data, column_text(said[CELL_TARGETS[0]]), said[CELL_TARGETS[0]].column.span)
    keys = [
        column_position(data, column_text(said[name]), said[name].column.span)
        if name in said
        else column_position(data, name, data.body.file.span, implied=True)
        for name in data.dimensions
    ]
    found = tuple(position for position in keys if position is not None)
    return (cell, found) if fine and cell is not None and len(found) == len(keys) else None


def column_text(column: syntax.FileColumn) -> str:
    return column.column.text if isinstance(column.column, syntax.Name) else column.column.value


def column_position(data: Data, name: str, span: Span, *, implied: bool = False) -> int | None:
    """Where a column stands, or a finding with the nearest one."""
    position = data.columns.get(name)
    if position is not None:
        return position
    near = did_you_mean(name, data.columns)
    known = ", ".join(f"`{each}`" for each in list(data.columns)[:8])
    if implied:
        help_text = f"write `{name}: {near or 'COLUMN'}` with the column that holds it; there are: {known}"
    else:
        help_text = f"did you mean `{near}`?" if near else f"its columns are: {known}"
    data.scope.report("D0508", span, f'"{data.file}" has no column `{name}`', label="unknown column", help=help_text)
    return None


# --- rows ----------------------------------------------------------------------------------------------------------


def read_rows(
    data: Data, lines: Iterator[Fields], width: int, targets: tuple[int, tuple[int, ...]], where: Condition | None
) -> list[ir.Row] | None:
    """Every line that the condition keeps, as a row of exact keys or patterns and one cell."""
    cell_at, keys_at = targets
    rows: list[ir.Row] = []
    seen: dict[tuple[str, ...], int] = {}
    known_keys: dict[str, ir.Key] = {}
    known_cells: dict[str, Fraction | None] = {}
    for fields in lines:
        line = lines.line_num  # type: ignore[attr-defined]
        if not fields:
            continue
        try:
            if len(fields) != width:
                raise LineError(
                    f"has {len(fields)} fields, and its header has {width}", "put fields that hold commas into quotes"
                )
            if where is not None and not where(fields):
                continue
            texts = tuple([fields[at] for at in keys_at])
            text = fields[cell_at]
            if text not in known_cells:
                known_cells[text] = read_cell(text, is_rate=data.is_rate)
        except LineError as error:
            data.report_line(line, str(error), error.help_text)
            continue
        first = seen.setdefault(texts, line)
        if first != line:
            said = ", ".join(f'{name} "{key}"' for name, key in zip(data.dimensions, texts, strict=True))
            data.report_equal(line, first, said)
            continue
        rows.append(
            ir.Row(tuple([known_keys.get(key) or made_key(known_keys, key) for key in texts]), (known_cells[text],))
        )
        if len(rows) > TABLE_ROWS_MAX:
            data.scope.report(
                "D0510",
                data.body.file.span,
                f'"{data.file}" gives this table more than {TABLE_ROWS_MAX} rows',
                help="keep fewer with `where`, or split the table",
            )
            return None
    if not rows and not data.reported:
        data.scope.report(
            "D0513",
            data.body.file.span,
            f'no line of "{data.file}" is left for this table',
            help="check its `where`" if where is not None else "the file holds a header only",
        )
    return rows


def made_key(known: dict[str, ir.Key], text: str) -> ir.Key:
    key = known[text] = ir.Key("pattern" if "*" in text else "exact", text)
    return key


def read_cell(text: str, *, is_rate: bool) -> Fraction | None:
    """A cell's number, exactly; `free` is 0, `-` is `None`. Raises `LineError`."""
    said = text.strip()
    if said == "free":
        return Fraction(0)
    if said == "-":
        return None
    value = read_number(said)
    if value is None:
        raise LineError(f'says "{text}" where a number must stand' if said else "is blank where a number must stand")
    if is_rate and said.endswith("%"):
        raise LineError(f'says "{text}", and a rate per unit is money, not a percentage')
    if is_rate and value < 0:
        raise LineError(f'says "{text}", and a rate is not negative')
    return value


def read_number(text: str) -> Fraction | None:
    """`0.0000025`, `2.5e-06` or `2.9%`, exactly; `None` for anything else and for more digits than are allowed."""
    found = NUMBER.fullmatch(text)
    if found is None:
        return None
    sign, whole, rest, exponent, percent = found.groups()
    digits = whole + (rest or "")
    if not digits or len(digits) > DIGITS_MAX or abs(int(exponent or 0)) > DIGITS_MAX:
        return None
    shift = int(exponent or 0) - len(rest or "") - (2 if percent else 0)
    value = Fraction(int(digits) * 10**shift) if shift >= 0 else Fraction(int(digits), 10**-shift)
    return -value if sign == "-" else value


# --- conditions ----------------------------------------------------------------------------------------------------


def condition(data: Data, expression: syntax.Expression) -> Condition | None:
    """`where column == "x"` as a question to one line. `None` after a finding."""
    match expression:
        case syntax.Binary(operator="and" | "or" as operator, left=left, right=right):
            one, other = condition(data, left), condition(data, right)
            if one is None or other is None:
                return None
            if operator == "and":
                return lambda fields: one(fields) and other(fields)
            return lambda fields: one(fields) or other(fields)
        case syntax.Not(operand=operand):
            return inverted(condition(data, operand))
        case syntax.Binary(operator="==" | "!=" as operator, left=syntax.Reference() as column, right=right):
            same = equal_to(data, column, (right,))
            return inverted(same) if operator == "!=" else same
        case syntax.In(operand=syntax.Reference() as column, items=items, negated=negated):
            same = equal_to(data, column, items)
            return inverted(same) if negated else same
        case syntax.Like(operand=syntax.Reference() as column, pattern=pattern, negated=negated):
            at = column_position(data, column.name, column.span)
            if at is None:
                return None
            matches: Condition = lambda fields: pattern_matches(pattern.value, fields[at])  # noqa: E731
            return inverted(matches) if negated else matches
        case syntax.Binary(
            operator="<" | "<=" | ">" | ">=" as operator, left=syntax.Reference() as column, right=right
        ):
            return ordered(data, column, operator, right)
        case _:
            report_condition(data, expression)
            return None


def report_condition(data: Data, expression: syntax.Expression) -> None:
    data.scope.report(
        "T0613",
        expression.span,
        "`where` compares columns of the file with texts or numbers",
        label="not such a comparison",
        help='write `column == "x"`, `column > 5`, `in (...)` or `like "..."`, joined by `and`, `or`, `not`',
    )


def inverted(asked: Condition | None) -> Condition | None:
    return None if asked is None else lambda fields: not asked(fields)


def equal_to(data: Data, column: syntax.Reference, items: tuple[syntax.Expression, ...]) -> Condition | None:
    """Whether a column is one of the texts as it stands, or one of the numbers however it is written."""
    at = column_position(data, column.name, column.span)
    texts: set[str] = set()
    numbers: set[Fraction | None] = set()
    for item in items:
        match item:
            case syntax.Text(value=text):
                texts.add(text)
            case syntax.Number(value=number, unit=None):
                numbers.add(number)
            case _:
                report_condition(data, item)
                return None
    if at is None:
        return None
    if not numbers:
        return lambda fields: fields[at] in texts
    return lambda fields: fields[at] in texts or read_number(fields[at].strip()) in numbers


def ordered(data: Data, column: syntax.Reference, operator: str, right: syntax.Expression) -> Condition | None:
    """A comparison of a column of numbers; a line that has none there cannot be read."""
    at = column_position(data, column.name, column.span)
    if not isinstance(right, syntax.Number) or right.unit is not None:
        report_condition(data, right)
        return None
    if at is None:
        return None
    bound, name = right.value, column.name

    def asked(fields: Fields) -> bool:
        value = read_number(fields[at].strip())
        if value is None:
            raise LineError(
                f'says "{fields[at]}" in `{name}`, which `where` compares with a number',
                f'leave such lines out first, as in `{name} != "{fields[at]}" and {name} {operator} ...`',
            )
        match operator:
            case "<":
                return value < bound
            case "<=":
                return value <= bound
            case ">":
                return value > bound
            case _:
                return value >= bound

    return asked
