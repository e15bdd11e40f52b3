"""`pricing backtest`: two programs over stored usage. Results go to a file as they come, so that a run can go on."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from decimal import Decimal
from pathlib import Path
from typing import Any

from pricing_dsl.cli import output
from pricing_dsl.cli.agreed import grouped
from pricing_dsl.cli.files import CallError
from pricing_dsl.cli.programs import load
from pricing_dsl.cli.statements import parse_period
from pricing_dsl.ir import json as ir_json
from runtime.cli.store import opened
from runtime.rating.backtest import Candidate, Compared, Key, backtest
from runtime.rating.documents import written
from runtime.store.database import Work
from runtime.store.repositories import programs


def run(
    old: str,
    new: str,
    periods: Sequence[str],
    customers: Sequence[str] | None,
    on: str | None,
    results: str | None,
    format_: str,
    url: str | None,
    tenant: str | None,
) -> int:
    asked = [period for text in periods if (period := parse_period(text)) is not None]
    with opened(url, tenant) as (database, tenant_id):
        with database.reading() as work:
            before, after = (candidate(work, tenant_id, name, on) for name in (old, new))
        known = read_results(results)
        done: list[Key] = [(each["customer"], each["period"]) for each in known]
        found = list(known)
        with nullcontext() if results is None else Path(results).open("a", encoding="utf-8") as sink:
            for each in backtest(
                database, tenant_id, before, after, asked, customers or None, done=done, progress=say_progress
            ):
                document = document_of(each)
                found.append(document)
                if sink is not None:
                    sink.write(written(document) + "\n")
                    sink.flush()
    if format_ == "json":
        output.say_json(found)
    else:
        say_summary(found, after.program.currency)
    return 0


def candidate(work: Work, tenant_id: str, name: str, on: str | None) -> Candidate:
    """A program file, the newest version of a published program, or `NAME@VERSION`."""
    if name.endswith(".pricing"):
        return Candidate(load(name).ir, on)
    published, apart, version = name.partition("@")
    if apart and not version.isdigit():
        raise CallError(f"`{name}` names no version", "write NAME@2")
    rows = programs.versions(work, tenant_id, published)
    row = programs.version(work, tenant_id, published, int(version)) if apart else rows[-1]
    return Candidate(ir_json.loads(row.ir), on)


def read_results(results: str | None) -> list[dict[str, Any]]:
    """What a run that was stopped has found already; a last line that is not whole is left out."""
    if results is None or not Path(results).exists():
        return []
    found = []
    for line in Path(results).read_text(encoding="utf-8").splitlines():
        try:
            found.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return found


def document_of(compared: Compared) -> dict[str, Any]:
    difference = compared.difference
    return {
        "customer": compared.customer,
        "period": compared.period,
        "before": None if compared.before is None else f"{compared.before:f}",
        "after": None if compared.after is None else f"{compared.after:f}",
        "difference": None if difference is None else f"{difference:f}",
        "currency": compared.currency,
        "why": [{"line": line, "before": f"{one:f}", "after": f"{other:f}"} for line, one, other in compared.why],
        "error": compared.error,
    }


def say_progress(done: int, everything: int) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{done} of {everything}" + ("\n" if done == everything else ""))


def say_summary(found: Sequence[dict[str, Any]], currency: str) -> None:
    """Who pays more and who less, the largest difference first, and the lines it comes from."""
    compared = [each for each in found if each["error"] is None]
    compared.sort(key=lambda each: -abs(Decimal(each["difference"])))
    for each in compared:
        change = Decimal(each["difference"])
        if change:
            why = ", ".join(f"{w['line']} {w['before']} -> {w['after']}" for w in each["why"])
            output.say(
                f"{each['customer']}  {each['period']}  {each['before']} -> {each['after']}  ({change:+f}): {why}"
            )
    more = sum(1 for each in compared if Decimal(each["difference"]) > 0)
    less = sum(1 for each in compared if Decimal(each["difference"]) < 0)
    before, after = (sum((Decimal(each[side]) for each in compared), Decimal(0)) for side in ("before", "after"))
    output.say(f"{more} pay more, {less} less, {len(compared) - more - less} the same")
    output.say(f"in all {grouped(before)} -> {grouped(after)} {currency}")
    for each in found:
        if each["error"] is not None:
            output.say(f"{each['customer']}  {each['period']}: not compared: {each['error']}")
