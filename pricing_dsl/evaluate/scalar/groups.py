"""The two states of a pipeline while its code is written, and how groups are opened, collected and regrouped.

As `Cells` nothing is written yet: cell steps lengthen the path that a cell takes to the slot it will be added up in. At
the first pool step the cells are added up by the dimensions of `each`, and from then on there are `Groups`: the body of
a loop over the groups, or straight-line code for the pool of a whole charge, which always exists (rule 14). Groups that
must be grouped otherwise go through a dict into a new loop.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any, Protocol

from pricing_dsl.evaluate.scalar.cells import Operations
from pricing_dsl.evaluate.scalar.prices import Numbers
from pricing_dsl.evaluate.scalar.sources import Path, Resolver, Source, constant_part, tuple_text
from pricing_dsl.evaluate.scalar.tables import Dimensions
from pricing_dsl.evaluate.scalar.writing import Deferred, Names, Num, Scale, Writer, common, product
from pricing_dsl.ir import nodes as ir

Keys = tuple[str, ...] | None
"""The dimensions that a dict of groups is keyed by; `None`: no dict but a variable, which always exists."""


class Surroundings(Protocol):
    """What a pipeline needs of the function it is written into."""

    names: Names
    operations: Operations
    shows_parts: bool
    """Whether `show by` matters: it changes no amount."""

    def read(self, ref: ir.Ref, keys: tuple[str, ...], key: str) -> Num:
        """The value of a quantity for one group (`key` is the text of its key), or of a line."""
        ...

    def quantity_scale(self) -> Scale:
        """The scale on which every bound of the plan is whole."""
        ...

    def internal_source(self, writer: Writer, groups: str, source: Source) -> None:
        """`source` reads the dict `groups` again, in a loop that is written to `writer` when its slots are known."""
        ...


@dataclass(frozen=True, slots=True)
class VolumeCells:
    """A `volume` by cell: the groups whose pool chooses the tier, and the way of the amounts in each tier."""

    step: ir.Volume
    keys: tuple[str, ...]
    paths: tuple[Path | None, ...]
    """`None`: a tier that rejects."""


@dataclass(frozen=True, slots=True)
class Cells:
    """Cells on their way. `entered` is the way of the quantity that entered the price, once there was a price step."""

    source: Source
    path: Path
    scale: Scale
    each: tuple[str, ...]
    can_be_negative: bool
    is_money: bool = False
    entered: Path = ()
    entered_scale: Scale = ()
    volume: VolumeCells | None = None


@dataclass(slots=True)
class Groups:
    """Groups by `keys`, of which pool steps keep `each` apart. `value` is a variable that holds one group's amount.

    `key` is the loop's key variable, `None` for straight-line code. `before` stands before the loop, `inside` first in
    it. `entered` is the quantity that entered the price, `negative` a variable that says what `mirror` took off.
    """

    keys: tuple[str, ...]
    each: tuple[str, ...]
    key: str | None
    value: str
    scale: Scale
    is_money: bool
    can_be_negative: bool
    numbers: Numbers
    before: Deferred
    inside: Deferred
    entered: Num | None = None
    negative: str | None = None

    def raise_to(self, writer: Writer, names: Names, scale: Scale) -> None:
        """Bring the value to a larger scale."""
        if Counter(scale) != Counter(self.scale):
            writer.line(f"{self.value} = {names.raised(Num(self.value, self.scale), scale)}")
            self.scale = scale


@dataclass(frozen=True, slots=True)
class Collected:
    """What groups add up to: a dict by `keys`, or a variable. `factor` is still to be multiplied in, if any."""

    name: str
    factor: str | None
    scale: Scale

    @property
    def value(self) -> Num:
        """A variable's value."""
        return Num(self.times_factor(self.name), self.scale)

    def read(self, key: str) -> Num:
        """The value of one group of a dict."""
        return Num(self.times_factor(f"{self.name}[{key}]"), self.scale)

    def times_factor(self, text: str) -> str:
        return text if self.factor is None else product(text, self.factor)


@dataclass(frozen=True, slots=True)
class Sums:
    """Collected amounts with the quantity that entered their price."""

    keys: Keys
    amount: Collected
    entered: Collected | None
    is_money: bool
    can_be_negative: bool


def sub_key(keys: tuple[str, ...], wanted: tuple[str, ...], key: str) -> str:
    """The key of the group by `wanted` in which the group `key` by `keys` lies."""
    if wanted == keys:
        return key
    if len(keys) == 1:
        return key if wanted else "()"
    return tuple_text([f"{key}[{keys.index(d)}]" for d in wanted])


class GroupCode:
    """Writes the opening and collecting of groups."""

    def __init__(self, around: Surroundings, writer: Writer, *, charging: bool, counts_entered: bool) -> None:
        self.around = around
        self.names = around.names
        self.operations = around.operations
        self.writer = writer
        self.charging = charging
        self.counts_entered = counts_entered
        self.keeps_empty = False
        """Whether cells of which nothing is left are kept as parts where cells are added up now."""

    # --- cells into slots ---

    def add_up(self, source: Source, path: Path, keys: Keys, scale: Scale, *, signed: bool) -> Collected:
        """A slot for a path. A path that is one number is multiplied in when the slot is read."""
        constant = constant_part(path)
        kept = self.keeps_empty and keys is not None
        if constant is None or not path:
            slot = source.slot(self.names, path, keys, charging=self.charging, signed=signed, keeps_empty=kept)
            return Collected(slot.name, None, scale)
        plain = source.slot(self.names, (), keys, charging=self.charging, signed=signed, keeps_empty=kept)
        own = tuple((Counter(scale) - Counter(source.scale)).elements())
        return Collected(plain.name, self.names.literal(constant, own), scale)

    def collect_cells(self, cells: Cells, keys: Keys) -> Sums:
        """Add up cells that have no open `volume`."""
        amount = self.add_up(cells.source, cells.path, keys, cells.scale, signed=not cells.is_money)
        entered = None
        if self.counts_entered and cells.is_money:
            entered = self.add_up(cells.source, cells.entered, keys, cells.entered_scale, signed=False)
        return Sums(keys, amount, entered, cells.is_money, cells.can_be_negative)

    # --- loops ---

    def open(self, sums: Sums, each: tuple[str, ...]) -> Groups:
        """Begin to work on groups."""
        before = self.writer.later()
        value = self.names.new("v")
        numbers = Numbers(self.names, self.operations.tables)
        key, entered = None, None
        if sums.keys is None:
            self.writer.line(f"{value} = {sums.amount.value.text}")
            inside = before
        else:
            key = self.names.new("k")
            self.writer.line(f"for {key}, {value} in {sums.amount.name}.items():")
            self.writer.depth += 1
            inside = self.writer.later()
            numbers.in_loop = True
            if sums.amount.factor is not None:
                self.writer.line(f"{value} *= {sums.amount.factor}")
        if sums.entered is not None:
            entered = sums.entered.value if key is None else sums.entered.read(key)
        return Groups(
            sums.keys or (), each, key, value, sums.amount.scale, sums.is_money, sums.can_be_negative, numbers, before,
            inside, entered,
        )  # fmt: skip

    def collect(self, groups: Groups, keys: Keys) -> Sums:
        """End the work on groups: add them up by `keys`."""
        amount = self.gather(groups, Num(groups.value, groups.scale), keys)
        entered = None if groups.entered is None else self.gather(groups, groups.entered, keys)
        if groups.key is not None:
            self.writer.depth -= 1
            self.write_numbers(groups)
        return Sums(keys, amount, entered, groups.is_money, groups.can_be_negative)

    def gather(self, groups: Groups, value: Num, keys: Keys) -> Collected:
        if groups.key is None:
            assert keys is None
            return Collected(value.text, None, value.scale)
        target = self.names.new("t" if keys is None else "g")
        if keys is None:
            groups.before.lines.append(f"{target} = 0")
            self.writer.line(f"{target} += {value.text}")
        else:
            groups.before.lines.append(f"{target} = {{}}")
            key = sub_key(groups.keys, keys, groups.key)
            if keys == groups.keys:
                self.writer.line(f"{target}[{key}] = {value.text}")
            else:
                self.writer.line(f"{target}[{key}] = {target}.get({key}, 0) + {value.text}")
        return Collected(target, None, value.scale)

    def write_numbers(self, groups: Groups) -> None:
        """The numbers that depend on the group, found once per group and remembered."""
        keyed = groups.numbers.keyed
        if not keyed:
            return

        def find(dimensions: Dimensions) -> Any:
            return tuple(scaled(dimensions) for _, scaled in keyed)

        resolver = Resolver(groups.keys, find)
        memo, miss = self.names.parameter(resolver.memo.get), self.names.parameter(resolver)
        targets = ", ".join(name for name, _ in keyed)
        groups.inside.lines.append(f"{targets}, = {memo}({groups.key}) or {miss}({groups.key})")

    # --- several arms ---

    def join(self, arms: list[Sums], keys: Keys) -> Sums:
        """Add the arms of a `match` up, group by group."""
        amount = self.joined([(arm.amount, arm.keys) for arm in arms], keys)
        entered = [(arm.entered, arm.keys) for arm in arms if arm.entered is not None]
        negative = any(arm.can_be_negative for arm in arms)
        return Sums(keys, amount, self.joined(entered, keys) if entered else None, True, negative)

    def joined(self, parts: list[tuple[Collected, Keys]], keys: Keys) -> Collected:
        scale = common(*(part.scale for part, _ in parts))
        target = self.names.new("t" if keys is None else "g")
        self.writer.line(f"{target} = {'0' if keys is None else '{}'}")
        for part, part_keys in parts:
            if part_keys is None:
                self.writer.line(f"{target} += {self.names.raised(part.value, scale)}")
                continue
            with self.writer.block(f"for k, v in {part.name}.items():"):
                raised = self.names.raised(Num(part.times_factor("v"), part.scale), scale)
                if keys is None:
                    self.writer.line(f"{target} += {raised}")
                else:
                    key = sub_key(part_keys, keys, "k")
                    self.writer.line(f"{target}[{key}] = {target}.get({key}, 0) + {raised}")
        return Collected(target, None, scale)

    def largest(self, sums: Sums, keys: Keys) -> Sums:
        """Keep the largest of the groups in each group by `keys`; of equals the smaller key in code point order."""
        assert sums.keys is not None
        assert sums.amount.factor is None
        winners = self.names.new("g")
        line, block, name = self.writer.line, self.writer.block, sums.amount.name
        line(f"{winners} = {{}}")
        with block(f"for k, v in {name}.items():"):
            outer = sub_key(sums.keys, keys or (), "k")
            line(f"o = {outer}")
            line(f"b = {winners}.get(o)")
            with block(f"if b is None or v > {name}[b] or (v == {name}[b] and k < b):"):
                line(f"{winners}[o] = k")
        kept = [self.kept(part, winners, keys) for part in (sums.amount, sums.entered) if part is not None]
        return Sums(keys, kept[0], kept[1] if sums.entered else None, sums.is_money, sums.can_be_negative)

    def kept(self, part: Collected, winners: str, keys: Keys) -> Collected:
        target = self.names.new("t" if keys is None else "g")
        if keys is None:
            self.writer.line(f"{target} = {part.name}[{winners}[()]] if {winners} else 0")
        else:
            self.writer.line(f"{target} = {{o: {part.name}[k] for o, k in {winners}.items()}}")
        return Collected(target, part.factor, part.scale)
