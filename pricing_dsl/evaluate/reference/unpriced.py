"""What reached no price: usage of a meter that a charge is on must be priced in at least one charge (section 4).

A cell that one charge refuses may be priced by another; a cell that every `where` drops belongs to nobody. Cells know
the meter cells and segments they came from, so both are decided there. Entries of several segments that say the same
are one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction

from pricing_dsl.evaluate.lookup import NO_CHARGE, Value
from pricing_dsl.evaluate.reference.cells import Origin
from pricing_dsl.evaluate.reference.lines import Evaluated
from pricing_dsl.evaluate.reference.timeline import Timeline
from pricing_dsl.evaluate.statement import Unpriced
from pricing_dsl.ir import nodes as ir


def unpriced_entries(
    timeline: Timeline, meters: Mapping[str, ir.Meter], charges: Sequence[Evaluated]
) -> tuple[Unpriced, ...]:
    """Entries in statement order of their charges, then by source and dimension values in code point order.

    A cell that no charge takes stands with the first charge that is on its meter.
    """
    taken = frozenset().union(*(charge.taken for charge in charges))
    known = taken | refused_origins(charges)
    told: set[Origin] = set()
    entries: list[Unpriced] = []
    for charge in charges:
        found = [
            Unpriced(
                charge.info.id, refusal.source, text(refusal.dimensions), refusal.quantity, refusal.unit, refusal.reason
            )
            for refusal in charge.refused
            if not refusal.origins or not refusal.origins <= taken
        ]
        for origin in charge.origins - known - told:
            told.add(origin)
            found.append(untaken(timeline, charge, meters[origin[0]], origin))
        entries.extend(sorted(added(found), key=lambda e: (e.source, [value for _, value in e.dimensions], e.reason)))
    return tuple(entries)


def refused_origins(charges: Sequence[Evaluated]) -> frozenset[Origin]:
    """Cells that some charge refuses: they are listed with its reason."""
    return frozenset(origin for charge in charges for refusal in charge.refused for origin in refusal.origins)


def untaken(timeline: Timeline, charge: Evaluated, meter: ir.Meter, origin: Origin) -> Unpriced:
    """A cell of a meter that every charge leaves to the others; one that does not add over time by its share."""
    name, values, index = origin
    segment = timeline.segments[index]
    quantity = segment.usage[name][values]
    if not meter.adds_over_time:
        quantity *= Fraction(segment.time.seconds, sum(other.time.seconds for other in timeline.segments))
    dimensions = text(tuple(zip(meter.dimensions, values, strict=True)))
    return Unpriced(charge.info.id, name, dimensions, quantity, meter.unit, NO_CHARGE)


def added(entries: Iterable[Unpriced]) -> list[Unpriced]:
    """Entries that differ in nothing but their quantity, added up; what comes to nothing is not there."""
    found: dict[Unpriced, Fraction] = {}
    for entry in entries:
        key = entry._replace(quantity=Fraction(0))
        found[key] = found.get(key, Fraction(0)) + entry.quantity
    return [entry._replace(quantity=quantity) for entry, quantity in found.items() if quantity]


def text(dimensions: Sequence[tuple[str, Value]]) -> tuple[tuple[str, str], ...]:
    """Dimension values as far as they are known."""
    return tuple((name, value) for name, value in dimensions if value is not None)
