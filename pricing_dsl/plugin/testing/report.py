"""`pricing plugins verify NAME`: the kit's report as a table, and every problem with what to mend."""

from __future__ import annotations

from pricing_dsl.plugin.checks import KINDS
from pricing_dsl.plugin.testing.plugin import verify_plugin
from pricing_dsl.plugin.testing.problem import KitError, Report

HEADINGS = ("what", "law", "outcome", "what it says")


def run(name: str) -> int:
    """Verify an installed plugin and print what came of it: 0 if all is well, 1 with problems, 2 if there is none."""
    try:
        report = verify_plugin(name)
    except KitError as error:
        print(error)
        return 2
    print(text(report))
    return 1 if report.problems else 0


def text(report: Report) -> str:
    """The table, then the problems, then a sentence that sums up."""
    rows = [HEADINGS]
    before = ""
    for check in report.checks:
        what = f"{KINDS[check.hook].noun} {check.name}" if check.name else check.hook or f"plugin {report.plugin}"
        note = f" ({check.note})" if check.note else ""
        rows.append(("" if what == before else what, check.law, check.outcome, check.says + note))
        before = what
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS) - 1)]
    lines = [
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]]) for row in rows
    ]
    for problem in report.problems:
        lines += ["", str(problem)]
    number, laws = len(report.problems), sum(check.outcome != "not asked" for check in report.checks)
    who = f"`{report.plugin}` {report.version}".rstrip()
    said = "all hold" if number == 0 else "1 is broken" if number == 1 else f"{number} are broken"
    return "\n".join([*lines, "", f"{who}: {laws} laws asked, {said}."])
