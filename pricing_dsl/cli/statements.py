"""`pricing preview` and `pricing explain`: price usage, and show the statement or the way to every amount.

JSON is `Statement.to_dict()`, with `reason` trees for `explain`; where the program has errors it is
`{"diagnostics": [...]}`, and where the usage cannot be priced `{"error": {"code", "message", "help"}}`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pricing_dsl.cli import output
from pricing_dsl.cli.files import CallError, read_state, read_usage
from pricing_dsl.cli.programs import Format, load, say_program_error
from pricing_dsl.diagnostics.diagnostic import ProgramError
from pricing_dsl.evaluate.errors import EvaluationError

if TYPE_CHECKING:
    from pricing_dsl.compilation import Program
    from pricing_dsl.evaluate.statement import SegmentedUsage, Statement, Usage

Period = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Request:
    """What to price, as given in the call."""

    file: str
    on: str | None
    usage: str | None
    period: str | None
    balances: str | None = None
    counters: str | None = None


@dataclass(frozen=True, slots=True)
class Inputs:
    """What is given beside the program, read."""

    usage: Usage | SegmentedUsage
    period: Period | None
    balances: Mapping[str, Any] | None
    counters: Mapping[str, Any] | None

    @classmethod
    def read(cls, request: Request) -> Inputs:
        return cls(
            {} if request.usage is None else read_usage(request.usage),
            parse_period(request.period),
            read_state(request.balances, "--balances"),
            read_state(request.counters, "--counters"),
        )


@dataclass(frozen=True, slots=True)
class Work:
    """A request, read: the program, the name of the plan or contract, and its inputs."""

    program: Program
    on: str
    inputs: Inputs

    def statement(self, *, explained: bool) -> Statement:
        evaluator, given = self.program.evaluator(self.on), self.inputs
        price = evaluator.explain if explained else evaluator
        return price(given.usage, given.period, given.balances, given.counters)


def preview(request: Request, format_: Format, plot: str | None, plot_file: str | None, to: str | None) -> int:
    """Print the statement and, with `plot`, draw the charge against usage of that meter. Returns the exit code."""
    if plot is None and (plot_file or to):
        raise CallError("`--plot-file` and `--to` belong to a plot", "say `--plot METER` too")
    if plot is not None and format_ == "json" and plot_file is None:
        raise CallError("a plot has no JSON form", "draw it into a file: `--plot-file OUT.svg`")

    def show(work: Work) -> None:
        if format_ == "json":
            output.say_json(work.statement(explained=False).to_dict())
        else:
            from pricing_dsl.cli.tables import say_statement

            say_statement(work.program, work.statement(explained=True))
            if request.usage is None:
                output.say("\nno usage was given: `--usage` takes a JSON file, or JSON itself")
        if plot is not None:
            from pricing_dsl.cli.plotting import draw

            draw(work.program.evaluator(work.on), work.inputs, plot, to, plot_file)

    return _priced(request, format_, show)


def explain(request: Request, line: str | None, format_: Format) -> int:
    """Print how each amount came about, of `line` alone if given. Returns the exit code."""

    def show(work: Work) -> None:
        statement = work.statement(explained=True)
        if line is not None:
            require_row(statement, line)
        if format_ == "json":
            output.say_json(_only(statement, line))
        else:
            from pricing_dsl.cli.tables import say_explanation

            say_explanation(work.program, statement, line)

    return _priced(request, format_, show)


def _priced(request: Request, format_: Format, show: Callable[[Work], None]) -> int:
    """Read everything that a request names and hand it to `show`; what is wrong with it is said here."""
    try:
        program = load(request.file)
    except ProgramError as error:
        return say_program_error(error, format_)
    try:
        show(Work(program, chosen_target(program, request.on), Inputs.read(request)))
    except (EvaluationError, CallError) as error:
        if format_ == "json":
            output.say_json({"error": {"code": error.code, "message": error.message, "help": error.help}})
        raise CallError(error.message, error.help, error.code) from None
    return 0


def chosen_target(program: Program, on: str | None) -> str:
    """The plan or contract to price: the one that is named, or the only one there is."""
    known = (*program.plans, *program.contracts)
    if on is not None:
        program.evaluator(on)
        return on
    if len(known) == 1:
        return known[0]
    if not known:
        raise CallError(f"{program.source.name} has no plan", "write one: plan basic { fee base 10 }")
    raise CallError(f"{program.source.name} has {len(known)} plans and contracts", "say `--on` " + " or ".join(known))


def parse_period(text: str | None) -> Period | None:
    """`2026-03` is that calendar month, `FROM..TO` anything half open. What the dates mean is the evaluator's to say.

    >>> parse_period("2026-12"), parse_period("2026-03-01..2026-03-16")
    (('2026-12-01', '2027-01-01'), ('2026-03-01', '2026-03-16'))
    """
    if text is None:
        return None
    if re.fullmatch(r"[0-9]{4}-(0[1-9]|1[0-2])", text):
        year, month = int(text[:4]), int(text[5:])
        year_after, month_after = (year + 1, 1) if month == 12 else (year, month + 1)
        return f"{text}-01", f"{year_after:04}-{month_after:02}-01"
    start, dots, end = text.partition("..")
    if not dots or not start or not end:
        raise CallError(f"`{text}` is not a period", "write 2026-03, or 2026-03-01..2026-03-16")
    return start, end


def require_row(statement: Statement, name: str) -> None:
    """Raise `CallError` unless the statement has a line or an adjustment of that name."""
    from pricing_dsl.check.scope import did_you_mean

    known = [line.id for line in statement.lines] + [row.id for row in statement.adjustments]
    if name not in known:
        near = did_you_mean(name, known)
        there = f"did you mean `{near}`?" if near else "there are: " + ", ".join(f"`{id_}`" for id_ in known)
        raise CallError(f"`{statement.target}` has no line `{name}`", there)


def _only(statement: Statement, line: str | None) -> dict[str, object]:
    """The statement's JSON, with one line or adjustment alone if asked for; totals stay those of the whole."""
    document = statement.to_dict()
    if line is not None:
        for rows in ("lines", "adjustments"):
            document[rows] = [row for row in document[rows] if row["id"] == line]
    return document
