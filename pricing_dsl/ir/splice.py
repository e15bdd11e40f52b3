"""Several versions of a program as one, for a contract that follows them: each is in force from its instant on.

The newest keeps its names. What an older version has under the same name but means differently (a rate table whose
prices changed, a quantity, a meter) stays apart under `NAME@1`, `NAME@2`, ..., so every step goes on reading what it
was written against. The term and the balances are those of the newest version. A price change inside a billing period
cuts it, as any change does (rule: step 1 of the order). Usage of an older meter of a changed definition is given under
its name with `@`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any, NamedTuple, TypeVar

from pricing_dsl.ir import nodes as ir

N = TypeVar("N")


class Part(NamedTuple):
    """A version of a program and the instant it comes into force."""

    start: ir.Instant
    program: ir.Program


class Spliced(NamedTuple):
    """The program, with the one contract, and the parts that it is made of: `NAME@k` is of `parts[k - 1]`."""

    program: ir.Program
    parts: tuple[Part, ...]

    def origin(self, name: str) -> tuple[Part, str]:
        """The part that a meter is of, and its name there."""
        own, apart, number = name.partition("@")
        if apart:
            return self.parts[int(number) - 1], own
        return next(part for part in reversed(self.parts) if any(m.name == own for m in part.program.meters)), own


def splice(parts: Sequence[Part], contract: str) -> Spliced:
    """One program with the one contract of that name, the parts in the order of their instants.

    Raises `KeyError` where a version in force during the term has no such contract, `ValueError` where the currencies
    or the time zones differ.
    """
    newest = contract_of(parts[-1].program, contract)
    parts = in_force(parts, newest)
    if len(parts) == 1:
        return Spliced(replace(parts[0].program, contracts=(newest,)), tuple(parts))
    base = parts[-1].program
    made, versions = base, list(clipped(newest, parts[-1].start, newest.end))
    for number in range(len(parts) - 2, -1, -1):
        part, end = parts[number], parts[number + 1].start
        older = contract_of(part.program, contract)
        if (part.program.currency, older.timezone) != (base.currency, newest.timezone):
            raise ValueError(f"`{contract}` changes its currency or its time zone between versions")
        names = names_apart(part.program, made, number + 1)
        renamed = renamed_program(part.program, names)
        made = replace(
            made,
            meters=joined(made.meters, renamed.meters),
            quantities=joined(made.quantities, renamed.quantities),
            tables=joined(made.tables, renamed.tables),
        )
        before = clipped(older, part.start if number else newest.start, end)
        versions = [renamed_node(version, names) for version in before] + versions
    made = replace(made, plans=(), contracts=(replace(newest, versions=tuple(versions)),))
    return Spliced(made, tuple(parts))


def contract_of(program: ir.Program, name: str) -> ir.Contract:
    for contract in program.contracts:
        if contract.name == name:
            return contract
    raise KeyError(name)


def in_force(parts: Sequence[Part], contract: ir.Contract) -> list[Part]:
    """The parts that are in force at some time of the term; the first counts from the term's start."""
    ends = [part.start for part in parts[1:]] + [contract.end]
    found = [part for part, end in zip(parts, ends, strict=True) if end > contract.start and part.start < contract.end]
    return found or [parts[-1]]


def clipped(contract: ir.Contract, start: ir.Instant, end: ir.Instant) -> list[ir.Version]:
    """What is in force of a contract in `[start, end)`."""
    return [
        replace(version, start=max(version.start, start), end=min(version.end, end))
        for version in contract.versions
        if version.start < end and version.end > start
    ]


# --- names -----------------------------------------------------------------------------------------------------------


class Names(NamedTuple):
    """New names, by kind; meters and quantities share theirs, for a charge may be on either."""

    tables: Mapping[str, str]
    sources: Mapping[str, str]


def names_apart(older: ir.Program, newer: ir.Program, number: int) -> Names:
    """What of an older version cannot keep its name beside the newer one: it differs, or reads what differs."""
    names = Names(apart(older.tables, newer.tables, number), {})
    while True:
        meters = [unlabelled(renamed_node(meter, names)) for meter in older.meters]
        quantities = [renamed_node(quantity, names) for quantity in older.quantities]
        sources = {
            **apart(meters, [unlabelled(meter) for meter in newer.meters], number),
            **apart(quantities, newer.quantities, number),
        }
        if sources.keys() <= names.sources.keys():
            return names
        names = Names(names.tables, {**names.sources, **sources})


def apart(older: Sequence[Any], newer: Sequence[Any], number: int) -> dict[str, str]:
    """New names for those of the older whose name the newer has for something else."""
    known = {each.name: each for each in newer}
    return {each.name: f"{each.name}@{number}" for each in older if each.name in known and known[each.name] != each}


def unlabelled(meter: ir.Meter) -> ir.Meter:
    """A meter without what changes no usage."""
    return replace(meter, label="")


def joined(newer: tuple[N, ...], older: tuple[N, ...]) -> tuple[N, ...]:
    """Both, each name once."""
    known = {each.name for each in newer}  # type: ignore[attr-defined]
    return (*newer, *(each for each in older if each.name not in known))  # type: ignore[attr-defined]


def renamed_program(program: ir.Program, names: Names) -> ir.Program:
    def called(nodes: tuple[Any, ...], new: Mapping[str, str]) -> tuple[Any, ...]:
        return tuple(replace(renamed_node(node, names), name=new.get(node.name, node.name)) for node in nodes)

    return replace(
        program,
        meters=called(program.meters, names.sources),
        quantities=called(program.quantities, names.sources),
        tables=called(program.tables, names.tables),
    )


def renamed_node(node: N, names: Names) -> N:
    """A node that reads tables, meters and quantities by their new names; what reads none is the same object."""
    if isinstance(node, tuple):
        items = [renamed_node(item, names) for item in node]
        if all(new is old for new, old in zip(items, node, strict=True)):
            return node
        return type(node)(*items) if hasattr(node, "_fields") else tuple(items)  # type: ignore[return-value]
    if not is_dataclass(node) or isinstance(node, type):
        return node
    changes: dict[str, Any] = {}
    for field in fields(node):
        old = getattr(node, field.name)
        new = renamed_node(old, names)
        if new is not old:
            changes[field.name] = new
    match node:
        case ir.Lookup(table=str(table)) if table in names.tables:
            changes["table"] = names.tables[table]
        case ir.Ref(kind="quantity", name=name) if name in names.sources:
            changes["name"] = names.sources[name]
        case ir.Charge(source=str(source)) if source in names.sources:
            changes["source"] = names.sources[source]
        case ir.Quantity():
            if node.source is not None and node.source in names.sources:
                changes["source"] = names.sources[node.source]
            if any(term.name in names.sources for term in node.terms):
                changes["terms"] = tuple(t._replace(name=names.sources.get(t.name, t.name)) for t in node.terms)
        case ir.Apply(operator=operator) if operator.removeprefix("table:") in names.tables and ":" in operator:
            changes["operator"] = "table:" + names.tables[operator.removeprefix("table:")]
        case _:
            pass
    return replace(node, **changes) if changes else node  # type: ignore[type-var]
