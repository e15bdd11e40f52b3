"""Several versions of a program as one, for a contract that follows them: each is in force from its instant on.

The newest keeps its names. What an older version has under the same name but means differently (a rate table whose
prices changed, a quantity, a meter) stays apart under `NAME@1`, `NAME@2`, ..., so every step goes on reading what it
was written against. A price change inside a billing period cuts it, as any change does (rule: step 1 of the order).
Usage of an older meter of a changed definition is given under its name with `@`.

The term is that of the newest version, and so are postpaid commits. Commits and credits are state, so what a version
says of them changes nothing that was granted: one that is new is granted as in a phase, from its version's instant on;
one that is no longer there grants nothing more, and what is left of it pays until it ends; one that is said in another
way is as the version in force at a billing period's start has it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any, NamedTuple, TypeVar
from zoneinfo import ZoneInfo

from pricing_dsl.ir import nodes as ir
from pricing_dsl.values.periods import Term, moment_of, text

N = TypeVar("N")


class Part(NamedTuple):
    """A version of a program and the instant it comes into force."""

    start: ir.Instant
    program: ir.Program


class Definition(NamedTuple):
    """One definition of a meter in a spliced program: the part it is of, its name there, and when it is in force."""

    part: Part
    name: str
    start: ir.Instant
    end: ir.Instant


class Spliced(NamedTuple):
    """The program with the one contract, and each of its meters as one of the versions defines it.

    Of a meter that keeps its name through several versions, the definition is that of the newest.
    """

    program: ir.Program
    definitions: Mapping[str, Definition]

    def before(self, name: str) -> tuple[str, ...]:
        """Earlier definitions of a meter, the latest first."""
        own, start = self.definitions[name].name, self.definitions[name].start
        earlier = [(d.start, each) for each, d in self.definitions.items() if d.name == own and d.start < start]
        return tuple(each for _, each in sorted(earlier, reverse=True))


class Unlike(Exception):  # noqa: N818 - what the two versions are
    """Two versions of a contract that cannot be one: `what` differs, from `older` to `newer`."""

    def __init__(self, what: str, older: object, newer: object) -> None:
        super().__init__(f"{what} changes from {older} to {newer}")
        self.what, self.older, self.newer = what, older, newer


def splice(parts: Sequence[Part], contract: str, at: ir.Instant | None = None) -> Spliced:
    """One program with the one contract of that name, the parts in the order of their instants.

    `at` is the start of the billing period that is priced, the end of time if not said. Raises `KeyError` where a
    version in force during the term has no such contract, `Unlike` where two have what cannot change.
    """
    parts = in_force(parts, contract)
    base, newest = parts[-1].program, contract_of(parts[-1].program, contract)
    made, versions = base, clipped(newest, parts[-1].start if len(parts) > 1 else newest.start, newest.end)
    agreed, names = [newest], [Names({}, {})]
    for number in range(len(parts) - 2, -1, -1):
        part, end = parts[number], parts[number + 1].start
        older = contract_of(part.program, contract)
        require_alike(part.program, older, base, newest)
        apart_here = names_apart(part.program, made, number + 1)
        renamed = renamed_program(part.program, apart_here)
        made = replace(
            made,
            meters=joined(made.meters, renamed.meters),
            quantities=joined(made.quantities, renamed.quantities),
            tables=joined(made.tables, renamed.tables),
        )
        before = clipped(older, part.start if number else newest.start, end)
        versions = [renamed_node(version, apart_here) for version in before] + versions
        agreed.insert(0, older)
        names.insert(0, apart_here)
    starts = [newest.start, *(part.start for part in parts[1:])]
    balances = balances_of(agreed, names, starts, newest.end if at is None else at)
    one = replace(newest, versions=tuple(versions), balances=balances, floors=floors_of(agreed, starts))
    program = replace(made, plans=(), contracts=(one,))
    return Spliced(program, definitions_of(parts, names, [*starts, newest.end]))


def require_alike(older: ir.Program, its: ir.Contract, newer: ir.Program, own: ir.Contract) -> None:
    """Raise `Unlike` for what a contract cannot change: its statements could not follow each other."""
    said = [
        ("the currency", older.currency, newer.currency),
        ("the time zone", its.timezone, own.timezone),
        ("how it is billed", billed(its.bill), billed(own.bill)),
        ("the start of the term", dated(its.start, its), dated(own.start, own)),
    ]
    kinds = kinds_of(its)
    said += [(f"what `{name}` is", kinds[name], kind) for name, kind in kinds_of(own).items() if name in kinds]
    for what, one, other in said:
        if one != other:
            raise Unlike(what, one, other)


def kinds_of(contract: ir.Contract) -> dict[str, str]:
    """What is kept of a contract from statement to statement, by name, in words."""
    postpaid = {floor.name: "a postpaid commit" for floor in contract.floors}
    return postpaid | {each.name: f"a balance of {each.unit or 'money'}" for each in contract.balances}


def billed(bill: ir.Bill) -> str:
    """A `bill` statement in its words."""
    where = " from term" if bill.from_term else f" on day {bill.day}" if bill.day is not None else ""
    return f"{bill.cadence}{where}"


def dated(at: ir.Instant, contract: ir.Contract) -> str:
    """An instant as the contract's people write it."""
    return text(moment_of(at, ZoneInfo(contract.timezone)))


def contract_of(program: ir.Program, name: str) -> ir.Contract:
    for contract in program.contracts:
        if contract.name == name:
            return contract
    raise KeyError(name)


def in_force(parts: Sequence[Part], contract: str) -> list[Part]:
    """The parts that are in force at some time of the newest one's term; the first counts from the term's start."""
    found = list(parts)
    while len(found) > 1 and found[-1].start >= contract_of(found[-1].program, contract).end:
        found.pop()
    begin = contract_of(found[-1].program, contract).start
    ends = [part.start for part in found[1:]]
    kept = [part for part, end in zip(found, ends, strict=False) if end > max(begin, part.start)]
    return [*kept, found[-1]]


def clipped(contract: ir.Contract, start: ir.Instant, end: ir.Instant) -> list[ir.Version]:
    """What is in force of a contract in `[start, end)`; what it ends with goes on where a later version is longer."""
    last = len(contract.versions) - 1
    return [
        replace(version, start=max(version.start, start), end=end if i == last else min(version.end, end))
        for i, version in enumerate(contract.versions)
        if version.start < end and (version.end > start or i == last)
    ]


def definitions_of(
    parts: Sequence[Part], names: Sequence[Names], bounds: Sequence[ir.Instant]
) -> dict[str, Definition]:
    """Which part each meter of the spliced program is of; `bounds` are where the parts begin, and the last one ends."""
    found: dict[str, Definition] = {}
    for part, new, start, end in zip(parts, names, bounds[:-1], bounds[1:], strict=True):
        for meter in part.program.meters:
            name = new.sources.get(meter.name, meter.name)
            first = found[name].start if name in found else start
            found[name] = Definition(part, meter.name, first, end)
    return found


# --- commits and credits ---------------------------------------------------------------------------------------------


def balances_of(
    agreed: Sequence[ir.Contract], names: Sequence[Names], starts: Sequence[ir.Instant], at: ir.Instant
) -> tuple[ir.Balance, ...]:
    """The commits and credits of all versions: those of the newest as written there, then what it has no more."""
    by_name = [{balance.name: balance for balance in contract.balances} for contract in agreed]
    order = dict.fromkeys(name for version in reversed(by_name) for name in version)
    found: list[ir.Balance] = []
    for name in order:
        last = max(i for i, version in enumerate(by_name) if name in version)
        first = first_of_run(name, by_name, last)
        here = max((i for i in range(first, last + 1) if starts[i] <= at), default=first)
        balance = renamed_node(by_name[here][name], names[here])
        if first:
            balance = replace(balance, start=max(balance.start, starts[first]))
        if last < len(agreed) - 1:
            balance = given_up(balance, agreed[-1], starts[last + 1], at)
        if balance.start < balance.end:
            found.append(balance)
    return tuple(found)


def first_of_run(name: str, by_name: Sequence[Mapping[str, object]], last: int) -> int:
    """The first of the versions up to `last` that have something without a gap."""
    first = last
    while first and name in by_name[first - 1]:
        first -= 1
    return first


def given_up(balance: ir.Balance, contract: ir.Contract, since: ir.Instant, at: ir.Instant) -> ir.Balance:
    """A commit or credit that is there no more since an instant: its grants live on, and no more are made."""
    end = balance.end
    if balance.cadence is not None:
        term = Term(contract.start, contract.end, ZoneInfo(contract.timezone))
        began, ends = term.containing(balance.cadence, since)
        end = min(end, since if began == since else ends)
    if since > at:
        return replace(balance, end=end)
    return replace(balance, end=end, overage=None, overage_rejects=False)


def floors_of(agreed: Sequence[ir.Contract], starts: Sequence[ir.Instant]) -> tuple[ir.Floor, ...]:
    """The postpaid commits of the newest version; one that is new counts from its version's instant on."""
    by_name = [{floor.name: floor for floor in contract.floors} for contract in agreed]
    found = []
    for floor in agreed[-1].floors:
        first = first_of_run(floor.name, by_name, len(agreed) - 1)
        found.append(replace(floor, start=max(floor.start, starts[first])) if first else floor)
    return tuple(found)


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
