"""A price list as a program: one table of token prices, one for each other unit, their meters, and a plan at cost.

A short list is written as tables in the program, a long one as CSV files beside it. Keys that are not a model's own
(`else`, in a file `*`) stand behind those that are, so that the first row that matches is the right one.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import pricing_dsl
from pricing_dsl.plugin import Imported, Lost
from pricing_llm.catalogue import KINDS, STANDARD, Catalogue, Kind, Model, Shape

ROWS_MAX = 60
"""Rows of a table that is written in the program itself."""
ANY = None
"""A key that matches anything."""
PER_TOKENS = 1_000_000

UNITS = {
    "images": "image",
    "seconds": "second",
    "characters": "character",
    "pixels": "pixel",
    "pages": "page",
    "calls": "call",
}
"""Families of other prices, and the unit that each counts."""


@dataclass(frozen=True)
class Row:
    """One row of a table: its keys, and the price under each column."""

    keys: tuple[str | None, ...]
    cells: tuple[Fraction | None, ...]


@dataclass(frozen=True)
class Table:
    """A rate table: what a price is for, the dimensions of its rows, the last dimension and its values."""

    name: str
    per: str
    dimensions: tuple[str, ...]
    across: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]

    def words(self, files: list[tuple[str, bytes]], prefix: str) -> str:
        """The declaration; the rows of a long table go to a file."""
        head = f"rates {self.name} per {self.per} by {', '.join([*self.dimensions, self.across])}"
        if len(self.rows) > ROWS_MAX:
            file = f"{prefix}_{self.name}.csv"
            files.append((file, self._as_csv()))
            return f'{head} from "{file}" {{ price: price }}'
        lines = [" | ".join([*self.dimensions, *self.columns])]
        for row in self.rows:
            keys = ("else" if key is ANY else text(key) for key in row.keys)
            lines.append(" | ".join([*keys, *(cell_words(cell) for cell in row.cells)]))
        return head + " {\n" + "\n".join(lines) + "\n}"

    def _as_csv(self) -> bytes:
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow([*self.dimensions, self.across, "price"])
        for row in self.rows:
            for column, cell in zip(self.columns, row.cells, strict=True):
                if cell is not None:
                    writer.writerow([*("*" if key is ANY else key for key in row.keys), column, cell_words(cell)])
        return out.getvalue().encode()


def imported(catalogue: Catalogue, prefix: str, header: Sequence[str], lost: tuple[Lost, ...]) -> Imported:
    """The program of a price list, its files, and what was lost. Raises `ValueError` where it has no prices."""
    if not catalogue.models and not catalogue.others:
        raise ValueError("the document: it has no prices; give the whole list, as its project publishes it")
    files: list[tuple[str, bytes]] = []
    parts = [*(f"# {line}" for line in header), "", "currency USD", "", *_units(catalogue), ""]
    charges: list[str] = []
    if catalogue.models:
        shape = catalogue.shape()
        parts += [_token_table(catalogue.models, shape).words(files, prefix), "", _token_meter(shape), ""]
        charges.append('charge tokens "Tokens" on tokens { price list show by model }')
    for table, meter in _others(catalogue):
        parts += [table.words(files, prefix), "", meter, ""]
        charges.append(f"charge {table.name} {text(table.name.replace('_', ' ').capitalize())} on {table.name} "
                       f"{{ price {table.name} show by model }}")  # fmt: skip
    parts += ['plan at_cost "Provider cost" {', "bill monthly", "", "\n\n".join(charges), "}"]
    program = pricing_dsl.format_source("\n".join(parts) + "\n")
    for found in pricing_dsl.check(program, files=dict(files)):
        if found.severity == "error" and not found.code.startswith("P"):
            raise ValueError(f"the program made of it is refused: {found.message}; {found.help}")
    return Imported(program, lost, tuple(files))


def text(value: str) -> str:
    """A text of the language, on one line."""
    return '"' + " ".join(value.split()).replace("\\", "\\\\").replace('"', '\\"') + '"'


def number(value: Fraction) -> str:
    """An exact number as a decimal.

    >>> number(Fraction(1, 8)), number(Fraction(200_000))
    ('0.125', '200_000')
    """
    places = 0
    while (value * 10**places).denominator != 1:
        places += 1
    whole, behind = divmod(int(value * 10**places), 10**places)
    return f"{whole:_}" if not places and whole >= 10_000 else f"{whole}" + (f".{behind:0{places}d}" if places else "")


def cell_words(cell: Fraction | None) -> str:
    """A cell: a price, `free`, or `-` for what has none."""
    if cell is None:
        return "-"
    return number(cell).replace("_", "") if cell else "free"


def _units(catalogue: Catalogue) -> list[str]:
    families = dict.fromkeys(family for family, _, _ in catalogue.families())
    units = ["unit token | tokens"] if catalogue.models else []
    return units + [f"unit {UNITS[family]} | {family}" for family in families]


def _token_table(models: Sequence[Model], shape: Shape) -> Table:
    dimensions = [*(["provider"] if shape.has_providers else []), "model"]
    dimensions += [*(["service"] if shape.has_services else []), *(["context"] if shape.bounds else [])]
    rows: list[Row] = []
    for model in models:
        of_model = list(_rows_of(model, shape))
        for name in model.names:
            keys = (model.provider, name) if shape.has_providers else (name,)
            rows += [Row((*keys, *row.keys), row.cells) for row in of_model]
    columns = tuple(kind.name for kind in shape.kinds)
    return Table("list", "1M tokens", tuple(dimensions), "token_type", columns, tuple(rows))


def _rows_of(model: Model, shape: Shape) -> Iterator[Row]:
    """The rows of one model: by service and context where it has prices for them, and one for all others."""
    has_contexts = bool(model.bounds)
    for service in (*model.services, STANDARD):
        by_service = (ANY if service == STANDARD else service,) if shape.has_services else ()
        for bound in (0, *shape.bounds) if has_contexts else (0,):
            by_context = (context(bound) if has_contexts else ANY,) if shape.bounds else ()
            cells = (model.price(service, bound, kind.name) for kind in shape.kinds)
            prices = tuple(None if cell is None else cell * PER_TOKENS for cell in cells)
            yield Row((*by_service, *by_context), prices)


def context(bound: int) -> str:
    """The name of a context: `base`, or the bound that the prompt exceeds."""
    return str(bound) if bound else "base"


def _token_meter(shape: Shape) -> str:
    """Tokens of a request by kind; those of kinds that no model has a price for stay in what they are part of."""
    kinds = {kind.name for kind in shape.kinds}
    counted: dict[str, list[str]] = {kind: [] for kind in kinds}
    for kind in KINDS.values():
        found = _counted_as(kind, kinds)
        if found in kinds and (kind.name == found or KINDS[found].part_of):
            counted[found].append(f"({kind.counted} or 0)")
    arms: list[str] = []
    for kind in shape.kinds:
        parts = [part for other in shape.kinds if _is_inside(other, kind) for part in counted[other.name]]
        words = (" - " if not kind.part_of else " + ").join([*counted[kind.name], *parts])
        arms.append(f"{kind.name}: sum({words if ' - ' in words or ' + ' in words else words[1:-1]})")
    by = ["provider"] if shape.has_providers else []
    by += ["model", *([f'service: service or "{STANDARD}"'] if shape.has_services else [])]
    if shape.bounds:
        bounds = [f'if prompt > {number(Fraction(bound))} then "{bound}" else ' for bound in reversed(shape.bounds)]
        by.append(f'context: {"".join(bounds)}"base"')
    head = 'meter tokens "Tokens" {\nfrom "llm.completion"\nmeasure by token_type {\n'
    return head + "\n".join(arms) + "\n}\nunit token\nby " + ", ".join(by) + "\n}"


def _is_inside(kind: Kind, whole: Kind) -> bool:
    """Whether tokens of a kind are counted in those of a whole (`input`, `output`), from which they are taken out."""
    return bool(kind.part_of) and not whole.part_of and _whole(kind) == whole.name


def _counted_as(kind: Kind, kinds: set[str]) -> str:
    """The kind of the list that tokens of this kind are counted under."""
    return kind.name if kind.name in kinds or not kind.part_of else _counted_as(KINDS[kind.part_of], kinds)


def _whole(kind: Kind) -> str:
    """`input` or `output`, whichever a kind is part of in the end."""
    return _whole(KINDS[kind.part_of]) if kind.part_of else kind.name


def _others(catalogue: Catalogue) -> Iterator[tuple[Table, str]]:
    """Tables and meters of what is priced besides tokens."""
    provider = ("provider",) if catalogue.has_providers else ()
    for family, per, prices in catalogue.families():
        kinds = tuple(dict.fromkeys(price.kind for price in prices))
        cells: dict[tuple[str, ...], dict[str, Fraction]] = {}
        for price in prices:
            for name in price.names:
                keys = (price.provider, name) if catalogue.has_providers else (name,)
                cells.setdefault(keys, {})[price.kind] = price.amount
        rows = tuple(Row(keys, tuple(found.get(kind) for kind in kinds)) for keys, found in cells.items())
        size = f"{number(Fraction(per))} {family if per > 1 else UNITS[family]}"
        table = Table(family, size, (*provider, "model"), "kind", kinds, rows)
        by = ", ".join([*provider, "model", "kind"])
        yield table, f'meter {family} {{\nfrom "llm.{family}"\nmeasure sum({family})\nunit {UNITS[family]}\nby {by}\n}}'
