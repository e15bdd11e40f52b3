"""Counts one event with a meter of sums: a small reading of event expressions, for tests of what a meter says.

Enough for programs whose meters add numbers up; properties are text and numbers, tables are plain numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from pricing_dsl.evaluate.lookup import Found, TableIndex, pattern
from pricing_dsl.ir import nodes as ir

Event = Mapping[str, str | int]
ARITHMETIC = {"+": lambda a, b: a + b, "-": lambda a, b: a - b, "max": max, "min": min}
COMPARISONS = {"==": lambda a, b: a == b, ">": lambda a, b: a > b, ">=": lambda a, b: a >= b, "<": lambda a, b: a < b}


class Counter:
    """Counts events with the meters of one program."""

    def __init__(self, program: ir.Program) -> None:
        self.meters = program.meters
        self.tables = {table.name: TableIndex(table) for table in program.tables}

    def usage(self, event: Event) -> dict[str, list[dict[str, str]]]:
        """The usage of one event, as an evaluator takes it: cells by meter."""
        counted: dict[str, list[dict[str, str]]] = {}
        for meter in self.meters:
            if event["type"] not in meter.event_types or not (meter.where is None or self.value(meter.where, event)):
                continue
            named = {d.name: str(self.value(d.expression, event)) for d in meter.event_dimensions}
            for measure in meter.measures:
                assert measure.aggregation == "sum"
                number = self.value(measure.arguments[0], event)
                assert number >= 0, "an arm of `measure by` is never negative"
                by_arm = {} if meter.measured_by is None else {meter.measured_by: str(measure.value)}
                counted.setdefault(meter.name, []).append({"quantity": str(number), **named, **by_arm})
        return counted

    def value(self, node: ir.Expression, event: Event) -> Any:
        """The value of an expression; a table without the row is `None`."""
        match node:
            case ir.Const():
                return node.value
            case ir.Ref():
                given = event[node.name]
                return Fraction(given) if isinstance(given, int) else given
            case ir.Apply():
                return self.applied(node, event)

    def applied(self, node: ir.Apply, event: Event) -> Any:
        if node.operator == "if":
            condition, then, otherwise = node.arguments
            return self.value(then if self.value(condition, event) else otherwise, event)
        if node.operator == "and":
            return all(self.value(argument, event) for argument in node.arguments)
        values = [self.value(argument, event) for argument in node.arguments]
        if node.operator.startswith("table:"):
            index = self.tables[node.operator.removeprefix("table:")]
            found = index.find(dict(zip(index.table.dimensions, values, strict=True)))
            return found.value if isinstance(found, Found) else None
        if node.operator == "default":
            return values[1] if values[0] is None else values[0]
        if node.operator == "like":
            return pattern(values[1]).fullmatch(values[0]) is not None
        return (ARITHMETIC | COMPARISONS)[node.operator](*values)
