"""Rate tables and tables of plain numbers (language reference, section 4).

A table with `per` holds rates: money per units. One without holds plain numbers, for `times`, `weigh`, `discount`,
prices of money and expressions of meters. The header names the row dimensions and then the values of the last one, or
ends in the single word `price` or `value`. A cell of `free` is 0, one of `-` is "not sold". Tables from data files are
read in `data_files`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from typing import Literal

from pricing_dsl.check.data_files import LINES_REPORTED_MAX, Data, read_file_table
from pricing_dsl.check.dimensions import dimension_values
from pricing_dsl.check.factors import made_key
from pricing_dsl.check.rates import key_matches, pattern_matches
from pricing_dsl.check.scope import Scope, TableSymbol, did_you_mean
from pricing_dsl.diagnostics.diagnostic import Label
from pricing_dsl.ir import nodes as ir
from pricing_dsl.limits import TABLE_ROWS_MAX
from pricing_dsl.source import Span
from pricing_dsl.syntax import nodes as syntax

CELL_WORDS = ("price", "value")
"""The last word of a header whose dimensions are all rows."""

PATTERNS_COMPARED_MAX = 200
"""Earlier rows of one form that a row is compared with to find it unreachable; more would be slow in a large file."""

ELSE = ir.Key("else", "")


@dataclass(frozen=True, slots=True)
class Per:
    """What a table's cells are: rates per `size` of `unit`, packages of it, or plain numbers."""

    kind: Literal["rate", "number"]
    package: Literal["started", "full"] | None
    size: Fraction
    unit: str | None
    span: Span


def check_tables(scope: Scope, program: syntax.Program) -> None:
    """Fill `scope.tables`. Whether meters have their dimensions is asked when the meters are checked."""
    declared: dict[str, syntax.Rates] = {}
    for node in program.declarations:
        if not isinstance(node, syntax.Rates):
            continue
        name = node.name.text
        earlier = declared.setdefault(name, node)
        if earlier is not node:
            scope.report(
                "N0101",
                node.name.span,
                f"the table `{name}` is declared twice",
                labels=[Label(earlier.name.span, "first declared here")],
                help="rename one: rate tables and curves share one name space",
            )
            continue
        symbol = check_table(scope, node)
        if symbol is None:
            scope.broken.add(name)
        else:
            scope.tables[name] = symbol


def check_table(scope: Scope, node: syntax.Rates) -> TableSymbol | None:
    """One table. `None` where its form is not known; rows and cells that do not check are left out."""
    seen: dict[str, Span] = {}
    for dimension in node.dimensions:
        if dimension.text in seen:
            scope.report(
                "N0107",
                dimension.span,
                f"the dimension `{dimension.text}` is named twice",
                labels=[Label(seen[dimension.text], "first here")],
                help="name each dimension once",
            )
        seen.setdefault(dimension.text, dimension.span)
    per = check_per(scope, node)
    if len(seen) < len(node.dimensions):
        return None
    match node.body:
        case syntax.InlineTable() as body:
            columns = check_header(scope, node, body)
            rows = None if columns is None else check_rows(scope, node, body, columns, per)
            if columns is None or rows is None:
                return None
            warn_unreachable_columns(scope, body, columns)
        case syntax.FileTable() as body:
            columns = ()
            data = Data(scope, body, tuple(dimension.text for dimension in node.dimensions), per.kind == "rate")
            rows = read_file_table(data)
            if rows is None:
                return None
    spans = [row.span for row in node.body.rows] if isinstance(node.body, syntax.InlineTable) else None
    warn_unreachable(scope, rows, spans, node.body.span)
    table = ir.Table(
        node.name.text, tuple(dimension.text for dimension in node.dimensions), columns, tuple(rows), span=node.span
    )
    return TableSymbol(node, table, per.kind, per.package, per.size, per.unit, per.span)


def check_per(scope: Scope, node: syntax.Rates) -> Per:
    """`per 1M tokens`, `per started 100`, or nothing: plain numbers."""
    per = node.per
    if per is None:
        return Per("number", None, Fraction(1), None, node.name.span)
    size = Fraction(1) if per.amount is None else per.amount.value
    if size <= 0:
        assert per.amount is not None
        scope.report(
            "D0301", per.amount.span, "rates are per a positive number of units", help="write a number above 0"
        )
        size = Fraction(1)
    unit = None if per.unit is None else scope.unit_named(per.unit)
    return Per("rate", per.mode, size, unit, per.span if per.unit is None else per.unit.span)


# --- the header ----------------------------------------------------------------------------------------------------


def check_header(scope: Scope, node: syntax.Rates, body: syntax.InlineTable) -> tuple[ir.Key, ...] | None:
    """The values of the last dimension that the columns stand for, none where every dimension is a row key."""
    names = [dimension.text for dimension in node.dimensions]
    words = [header_word(key) for key in body.header]
    count = len(names)
    if words[:count] == names and len(words) == count + 1 and words[-1] in CELL_WORDS:
        return ()
    if count > 1 and words[: count - 1] == names[:-1] and len(words) >= count and words[count - 1] != names[-1]:
        return tuple(made_key(key) for key in body.header[count - 1 :])
    rows_form = " | ".join([*names, CELL_WORDS[0] if node.per is not None else CELL_WORDS[1]])
    columns_form = f", or `{' | '.join(names[:-1])} | ...` with a column for each `{names[-1]}`" if count > 1 else ""
    span = body.header[0].span.to(body.header[-1].span) if body.header else node.name.span
    if not body.header:
        message = f"the table `{node.name.text}` has no header"
    elif words[:count] == names:
        message = f"the header ends in the word `{CELL_WORDS[0]}` or `{CELL_WORDS[1]}` when all dimensions are rows"
    else:
        message = f"the header does not fit the table's dimensions `{'`, `'.join(names)}`"
    scope.report(
        "D0501",
        span,
        message,
        label="the header",
        labels=[Label(node.dimensions[0].span.to(node.dimensions[-1].span), "its dimensions")],
        help=f"write `{rows_form}`{columns_form}",
    )
    return None


def header_word(key: syntax.Key) -> str | None:
    match key:
        case syntax.Name(text=text):
            return text
        case syntax.Text(value=value):
            return value
        case syntax.Else():
            return None


def warn_unreachable_columns(scope: Scope, body: syntax.InlineTable, columns: tuple[ir.Key, ...]) -> None:
    """Two equal columns are an error; one that an earlier column always takes is never read."""
    nodes = body.header[len(body.header) - len(columns) :]
    for number, key in enumerate(columns):
        for earlier in range(number):
            if columns[earlier] == key:
                scope.report(
                    "D0503",
                    nodes[number].span,
                    "two columns are equal",
                    labels=[Label(nodes[earlier].span, "the first of them")],
                    help="write each value once",
                )
                break
            if key.kind != "exact" and covers(columns[earlier], key):
                scope.report(
                    "W0402",
                    nodes[number].span,
                    "this column is never read",
                    labels=[Label(nodes[earlier].span, "this one takes everything that it would")],
                    help="write the narrower pattern first, and `else` last",
                )
                break


# --- rows ----------------------------------------------------------------------------------------------------------


def check_rows(
    scope: Scope, node: syntax.Rates, body: syntax.InlineTable, columns: tuple[ir.Key, ...], per: Per
) -> list[ir.Row] | None:
    """The rows, each as long as the header and no two equal. Rows that do not check are reported and left out."""
    keys_count = len(node.dimensions) - (1 if columns else 0)
    width = keys_count + max(len(columns), 1)
    rows: list[ir.Row] = []
    seen: dict[tuple[ir.Key, ...], Span] = {}
    if not body.rows:
        scope.report("D0513", node.name.span, f"the table `{node.name.text}` has no rows", help="write at least one")
    if len(body.rows) > TABLE_ROWS_MAX:
        scope.report(
            "D0510",
            node.name.span,
            f"the table `{node.name.text}` has {len(body.rows)} rows; {TABLE_ROWS_MAX} are allowed",
            help="split it by one of its dimensions",
        )
        return None
    for row in body.rows:
        if len(row.entries) != width:
            report_length(scope, row, body, width)
            continue
        keys = [row_key(scope, entry) for entry in row.entries[:keys_count]]
        cells = tuple(check_cell(scope, entry, per) for entry in row.entries[keys_count:])
        known = tuple(key for key in keys if key is not None)
        if len(known) < len(keys):
            continue
        span = row.entries[0].span.to(row.entries[keys_count - 1].span)
        if known in seen:
            scope.report(
                "D0503",
                span,
                f"two rows are for {', '.join(key_text(key) for key in known)}",
                label="this row is never read",
                labels=[Label(seen[known], "the first of them")],
                help="keep one",
            )
            continue
        seen[known] = span
        rows.append(ir.Row(known, cells))
    return rows


def report_length(scope: Scope, row: syntax.Row, body: syntax.InlineTable, width: int) -> None:
    count = len(row.entries)
    scope.report(
        "D0502",
        row.span,
        f"this row has {count} {'entry' if count == 1 else 'entries'}, and the header has {width}",
        label=f"{count} here",
        labels=[Label(body.header[0].span.to(body.header[-1].span), f"{width} here")],
        help="write an entry under each word of the header; `-` is not sold, `free` costs nothing",
    )


def row_key(scope: Scope, entry: syntax.Entry) -> ir.Key | None:
    """A key: a name, a text in quotes, or `else`; numbers and words of the language need quotes."""
    match entry:
        case syntax.Name() | syntax.Text() | syntax.Else():
            return made_key(entry)
        case _:
            text = scope.source.excerpt(entry.span)
            scope.report("D0511", entry.span, "a key is text", label="not a text", help=f'write `"{text}"`')
            return None


def check_cell(scope: Scope, entry: syntax.Entry, per: Per) -> Fraction | None:
    """A number, `free` (0), or `-` (`None`)."""
    match entry:
        case syntax.NotSold():
            return None
        case syntax.Free():
            return Fraction(0)
        case syntax.Number(value=value, percent=percent):
            if percent and per.kind == "rate":
                scope.report(
                    "D0512",
                    entry.span,
                    "a rate per unit is money, not a percentage",
                    labels=[Label(per.span, "declared with `per` here")],
                    help="write a bare number, or drop `per` for a table of percentages",
                )
            elif value < 0 and per.kind == "rate":
                scope.report(
                    "D0505",
                    entry.span,
                    "a rate is not negative",
                    help="write what is given back as a `discount`, or as a charge of its own",
                )
            return value
        case _:
            scope.report(
                "D0504",
                entry.span,
                "this cell is not a number",
                label="not a number",
                help="write a number, `free`, or `-` for what is not sold",
            )
            return Fraction(0)


def key_text(key: ir.Key) -> str:
    """A key as a program writes it."""
    return "`else`" if key.kind == "else" else f'"{key.text}"'


def covers(wide: ir.Key, narrow: ir.Key) -> bool:
    """Whether every text that `narrow` matches is matched by `wide`."""
    if narrow.kind == "pattern":
        # A character that no program contains stands for what `*` may be: only a `*` of `wide` can take it.
        return wide.kind == "else" or (
            wide.kind == "pattern" and pattern_matches(wide.text, narrow.text.replace("*", "\0"))
        )
    if narrow.kind == "else":
        return wide.kind == "else" or (wide.kind == "pattern" and not wide.text.strip("*"))
    return key_matches(wide, narrow.text)


def warn_unreachable(scope: Scope, rows: list[ir.Row], spans: list[Span] | None, file_span: Span) -> None:
    """A row with patterns that an earlier one always takes is never read (section 9).

    A row whose keys are all exact wins over every other, so it is always read. The others are kept by their form: an
    exact key, or a mark where the key is a pattern; only forms that could take a row are compared with it.
    """
    by_form: dict[tuple[str | None, ...], list[int]] = {}
    masks: dict[tuple[bool, ...], None] = {}
    reported = 0
    for number, row in enumerate(rows):
        form = tuple(key.text if key.kind == "exact" else None for key in row.keys)
        if None not in form:
            continue
        own = tuple(text is None for text in form)
        wider = (
            tuple(None if marked else text for marked, text in zip(mask, form, strict=True))
            for mask in islice(masks, PATTERNS_COMPARED_MAX)
            if all(marked or not needed for marked, needed in zip(mask, own, strict=True))
        )
        earlier = (at for each in wider for at in by_form.get(each, ())[:PATTERNS_COMPARED_MAX])
        taker = next((at for at in earlier if all(map(covers, rows[at].keys, row.keys))), None)
        masks[own] = None
        by_form.setdefault(form, []).append(number)
        if taker is None or (spans is None and reported == LINES_REPORTED_MAX):
            continue
        reported += 1
        said = ", ".join(key_text(key) for key in row.keys)
        takes = ", ".join(key_text(key) for key in rows[taker].keys)
        scope.report(
            "W0402",
            file_span if spans is None else spans[number],
            f"the row for {said} is never read: the row for {takes} above it takes all of its cells",
            label="unreachable row",
            labels=[] if spans is None else [Label(spans[taker], "this row takes them")],
            help="write the narrower pattern first, and `else` last",
        )


# --- dimensions and values -----------------------------------------------------------------------------------------


def check_table_dimensions(scope: Scope, symbol: TableSymbol) -> None:
    """A dimension that no meter has, and a key that no meter can produce; asked when the meters are checked.

    A table that a meter's expression reads as a function (all that `scope.used` holds then) has keys of its own.
    """
    if not scope.meters or (symbol.kind == "number" and ("rates", symbol.ir.name) in scope.used):
        return
    known = dimension_values(scope)
    if symbol.kind == "rate" and any(name.text not in known for name in symbol.node.dimensions):
        report_unknown_dimensions(scope, symbol, known)
        return
    warn_impossible_keys(scope, symbol, known)


def report_unknown_dimensions(scope: Scope, symbol: TableSymbol, known: Mapping[str, object]) -> None:
    """Rates by a dimension that no meter has price nothing; using them is then no second finding."""
    del scope.tables[symbol.ir.name]
    scope.broken.add(symbol.ir.name)
    for name in symbol.node.dimensions:
        if name.text not in known:
            near = did_you_mean(name.text, known)
            some = ", ".join(f"`{each}`" for each in sorted(known)) or "none"
            scope.report(
                "N0202",
                name.span,
                f"no meter has a dimension `{name.text}`",
                label="unknown dimension",
                help=f"did you mean `{near}`?" if near else f"the meters' dimensions are: {some}",
            )


def warn_impossible_keys(scope: Scope, symbol: TableSymbol, known: Mapping[str, frozenset[str] | None]) -> None:
    """A key that no meter can produce (section 9)."""
    body = symbol.node.body
    if not isinstance(body, syntax.InlineTable):
        return  # a price list may well hold more than these meters produce
    columns = len(symbol.ir.columns)
    keys_count = len(symbol.ir.dimensions) - (1 if columns else 0)
    for position, dimension in enumerate(symbol.ir.dimensions):
        values = known.get(dimension)
        if values is None:
            continue
        written: dict[ir.Key, Span] = {}
        if position < keys_count:
            for row in body.rows:
                entry = row.entries[position] if position < len(row.entries) else None
                if isinstance(entry, syntax.Name | syntax.Text):
                    written.setdefault(made_key(entry), entry.span)
        else:
            for key, node in zip(symbol.ir.columns, body.header[-columns:], strict=True):
                written.setdefault(key, node.span)
        for key, span in written.items():
            if not any(key_matches(key, value) for value in values):
                report_impossible(scope, dimension, key, span, values)


def report_impossible(scope: Scope, dimension: str, key: ir.Key, span: Span, values: frozenset[str]) -> None:
    near = did_you_mean(key.text, values)
    meters = [meter for meter in scope.meters.values() if dimension in meter.values]
    scope.report(
        "W0301",
        span,
        f'no meter gives `{dimension}` the value "{key.text}"',
        label="impossible value",
        labels=[Label(meter.node.name.span, f"`{meter.ir.name}` has the dimension") for meter in meters],
        help=f'did you mean "{near}"?' if near else "it can be: " + ", ".join(f'"{value}"' for value in sorted(values)),
    )
