"""What a plan and a contract have in common: lines, adjustments and the statement of a timeline (steps 4 to 15).

`agreement` calls its methods in the order of the steps and adds what only contracts have: segments, counters, balances,
true-ups. `plan` calls the same for one segment.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from pricing_dsl.evaluate.reference.adjustments import Nets, adjust
from pricing_dsl.evaluate.reference.charges import Charges, Charging
from pricing_dsl.evaluate.reference.counters import Counter, counted_step, kept_dimensions
from pricing_dsl.evaluate.reference.fees import billed_services
from pricing_dsl.evaluate.reference.lines import Evaluated, Rounding, rounded_line
from pricing_dsl.evaluate.reference.quantities import Usages
from pricing_dsl.evaluate.reference.segments import LineShare
from pricing_dsl.evaluate.reference.timeline import Timeline
from pricing_dsl.evaluate.reference.unpriced import unpriced_entries
from pricing_dsl.evaluate.statement import Row, Statement
from pricing_dsl.ir import nodes as ir
from pricing_dsl.ir.reads import meters_used
from pricing_dsl.values.rounding import share_out


class Evaluation:
    """One evaluation on its way. `counters` are those of the lines that are counted, opened."""

    def __init__(
        self, program: ir.Program, timeline: Timeline, counters: Mapping[str, Counter], *, explain: bool
    ) -> None:
        self.program = program
        self.timeline = timeline
        self.explain = explain
        self.rounding = Rounding(program.digits, timeline.rounding)
        usages = [segment.usage for segment in timeline.segments]
        self.usages = Usages(program, usages, timeline.period, timeline.texts, explain=explain)
        opened = {name: counters.get(name) or new_counter(program, timeline, name) for name in counted_lines(timeline)}
        self.charges = Charges(timeline, self.usages, opened)

    def quantities(self) -> dict[str, Charging]:
        """Steps 4 to 6: every charge on usage on its way to its price, by name in statement order."""
        return {name: self.charges.quantities(name, {}) for name in self.timeline.line_names if self.is_on_usage(name)}

    def lines(self, charging: Mapping[str, Charging]) -> dict[str, Evaluated]:
        """Steps 8 to 14: lines in the order of their dependencies, each rounded once; by name in statement order."""
        evaluated: dict[str, Evaluated] = {}
        parts: dict[str, dict[int, Fraction]] = {}
        for name in self.timeline.order:
            # 8. Price, 9. cell steps on money, 10. sum steps on money, 11. `total` or `largest`.
            charge = charging.get(name)
            # 14. Derived charges, on the lines so far: their quantity steps, then as any charge.
            if charge is None and self.is_charge(name):
                charge = self.charges.quantities(name, parts)
            groups = () if charge is None else charge.priced()
            # 13. Fees of the service periods that start or end here.
            billed = billed_services(self.timeline, name)
            # 12. Round the line once; its segments, groups and cells by largest remainder.
            line = rounded_line(self.timeline, self.usages.context, self.rounding, name, billed, charge, groups)
            evaluated[name] = line
            parts[name] = {segment: self.rounding.money(minor) for segment, minor in line.by_segment.items()}
        return {name: evaluated[name] for name in self.timeline.line_names}

    def is_charge(self, name: str) -> bool:
        """Whether a line is a charge in any segment."""
        return any(isinstance(line, ir.Charge) for _, line in self.timeline.lines(name))

    def is_on_usage(self, name: str) -> bool:
        """Whether a line is a charge on a meter or quantity, and derived in no segment."""
        charges = [line for _, line in self.timeline.lines(name) if isinstance(line, ir.Charge)]
        return bool(charges) and all(isinstance(charge.source, str) for charge in charges)

    def adjusted(self, lines: Mapping[str, Evaluated]) -> tuple[Nets, list[Row]]:
        """Step 15: adjustments in the order written, on the amounts that the ones before left."""
        seconds = [segment.time.seconds for segment in self.timeline.segments]
        nets = Nets({name: line.by_segment for name, line in lines.items()}, seconds)
        rows = adjust(self.timeline, self.rounding, self.program.currency, nets, explain=self.explain)
        total = sum(line.minor for line in lines.values()) + sum(row.minor for row in rows)
        assert total == sum(map(nets.of_line, lines)) + sum(each.minor for each in nets.top_ups), "a statement foots"
        return nets, rows

    def shares(self, lines: Mapping[str, Evaluated], nets: Nets) -> list[LineShare]:
        """Net amounts by segment and cell, in statement order, then the top-ups that stand alone (rule 5)."""
        found: list[LineShare] = []
        for name, line in lines.items():
            for segment, net in nets.lines[name].items():
                cells = [cell for cell in line.cells if cell.segment == segment]
                weights = [max(cell.minor, 0) for cell in cells]
                if not any(weights):
                    weights = [1] * len(cells)
                changes = share_out(net - sum(cell.minor for cell in cells), weights)
                for cell, change in zip(cells, changes, strict=True):
                    found.append(LineShare(name, "line", segment, dict(cell.dimensions), cell.minor + change))
        last = self.timeline.last.index
        found.extend(LineShare(each.id, "row", last, {}, each.minor) for each in nets.top_ups)
        return found

    def statement(
        self,
        lines: Mapping[str, Evaluated],
        nets: Nets,
        rows: Sequence[Row],
        *,
        less_due: int = 0,
        **agreed: Any,
    ) -> Statement:
        """Step 19: total = lines + adjustments; what is due is `less_due` below it. `agreed` is what contracts add."""
        timeline, program = self.timeline, self.program
        total = sum(line.minor for line in lines.values()) + sum(row.minor for row in rows)
        charges = [line for line in lines.values() if line.info.kind == "charge"]
        used = frozenset().union(*(meters_used(program, plan, timeline.contract) for plan in timeline.plans))
        given = {name for segment in timeline.segments for name in segment.usage}
        unpriced = unpriced_entries(timeline, self.usages.meters, charges)
        return Statement(
            target=timeline.name,
            currency=program.currency,
            digits=program.digits,
            period=timeline.period.bounds,
            timezone=timeline.period.zone.key,
            lines=[line.line(nets.of_line(name)) for name, line in lines.items()],
            adjustments=list(rows),
            total_minor=total,
            due_minor=total - less_due,
            unpriced=(*unpriced, *agreed.pop("rejected", ())),
            unused=tuple(meter.name for meter in program.meters if meter.name in given and meter.name not in used),
            segments=timeline.cut_texts,
            **agreed,
        )


def counted_lines(timeline: Timeline) -> list[str]:
    """The lines that are counted in this period, in statement order."""
    return [
        name
        for name in timeline.line_names
        if any(isinstance(line, ir.Charge) and counted_step(line.steps) for _, line in timeline.lines(name))
    ]


def charges_of(timeline: Timeline, name: str) -> list[ir.Charge]:
    """A charge in every version there is."""
    lines = (line for version in timeline.versions for line in version.plan.lines if line.name == name)
    return [line for line in lines if isinstance(line, ir.Charge)]


def new_counter(program: ir.Program, timeline: Timeline, name: str) -> Counter:
    """A counter that opens at zero."""
    return Counter(name, kept_dimensions(program, timeline.contract, charges_of(timeline, name)))
