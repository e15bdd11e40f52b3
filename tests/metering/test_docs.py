"""The page of the runtime's codes has every code, and what it says of limits is so."""

from __future__ import annotations

from pathlib import Path

from runtime import limits
from runtime.errors import CODES

DOCS = Path(__file__).parents[2] / "docs/runtime"


def test_every_code_is_in_the_table() -> None:
    page = (DOCS / "errors.md").read_text(encoding="utf-8")
    found = [line.split("|")[1].strip() for line in page.splitlines() if line.startswith("| X")]
    assert sorted(found) == sorted(CODES)


def test_limits_are_quoted_as_they_are() -> None:
    said = " ".join((DOCS / name).read_text(encoding="utf-8") for name in ("errors.md", "metering.md"))
    for quoted in (
        f"{limits.DEDUP_DAYS} days",
        f"{limits.FUTURE_HOURS_MAX} hours ahead",
        f"{limits.BATCH_EVENTS_MAX:,} events",
        f"{limits.BATCH_BYTES_MAX // 1_000_000} MB",
        f"{limits.EVENT_NAME_CHARACTERS_MAX} characters",
        f"{limits.CELL_BYTES_MAX:,} bytes",
        f"{limits.CELLS_PER_HOUR_MAX:,} combinations",
        f"{limits.FILE_BATCH_EVENTS:,} events at a time",
        f"{limits.RECENT_IDS_MAX:,}",
    ):
        assert quoted in said
