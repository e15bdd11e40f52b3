"""Rows as a file: Parquet with `decimal128` numbers, or CSV with the same numbers as text. No float in either.

In CSV an instant is `2026-03-01T00:00:00Z`, null is nothing between two commas, and numbers are plain decimals without
an exponent or trailing zeros, as the specification's formats for numbers and times demand.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any

from pricing_focus.columns import COLUMNS, PRECISION, SCALE, VERSION
from pricing_focus.rows import Cell, Row


def written(rows: Iterable[Row], format: str) -> bytes:  # noqa: A002 - the contract's word
    """The rows as the bytes of one file."""
    return _parquet(list(rows)) if format == "parquet" else _csv(rows)


def _csv(rows: Iterable[Row]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(column.name for column in COLUMNS)
    for row in rows:
        writer.writerow(_as_text(row.get(column.name)) for column in COLUMNS)
    return text.getvalue().encode()


def _as_text(cell: Cell) -> str | None:
    match cell:
        case Decimal():
            plain = f"{cell:f}"
            plain = plain.rstrip("0").rstrip(".") if "." in plain else plain
            return "0" if plain == "-0" else plain
        case datetime():
            return f"{cell:%Y-%m-%dT%H:%M:%SZ}"
        case _:
            return cell


def _parquet(rows: list[Row]) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    types: dict[str, Any] = {
        "text": pa.string(),
        "decimal": pa.decimal128(PRECISION, SCALE),
        "time": pa.timestamp("us", tz="UTC"),
    }
    schema = pa.schema(
        [pa.field(column.name, types[column.type]) for column in COLUMNS], metadata={"focus_version": VERSION}
    )
    arrays = [pa.array([row.get(field.name) for row in rows], type=field.type) for field in schema]
    file = io.BytesIO()
    pq.write_table(pa.Table.from_arrays(arrays, schema=schema), file)
    return file.getvalue()
