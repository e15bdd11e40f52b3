"""`pricing demo`: the main job on shipped data, from the check to the reason of an amount.

An LLM platform that resells 3,088 models from a list of 12,717 real prices bills four customers for a month. The
program and the list are those of `examples/llm`, shipped with the package; the usage is generated (`demo_usage`) and
the same everywhere. What is printed comes from the same functions as `check`, `preview` and `explain`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pricing_dsl
from pricing_dsl.cli import demo_usage, output
from pricing_dsl.cli.demo_usage import CUSTOMERS, Customer
from pricing_dsl.cli.files import FilesBeside, read_program
from pricing_dsl.cli.statements import Inputs
from pricing_dsl.compilation import Compilation, Program
from pricing_dsl.source import Source
from pricing_dsl.values.numbers import grouped_text

if TYPE_CHECKING:
    from pricing_dsl.evaluate.statement import Statement

PROGRAM = "llm_platform.pricing"
PRICES = "llm_prices.csv"
COST = "at_cost"
IN_FULL = "Atlas Underwriting"
DRAWN = "Harbour Desk"
DRAWN_TO = "1_200_000_000"
RIGHT, WRONG = "price 10 per 1k }", "price 10 per 1k tokens }"
"""The mistake that the demo makes: web searches priced per thousand tokens."""


def run_demo() -> int:
    """Print the demo. Exit code 0, or 1 where the shipped program is not what it should be."""
    path = program_path()
    program = say_program(path)
    statements = {customer.name: say_customer(program, customer) for customer in CUSTOMERS}
    say_in_full(program, statements[IN_FULL])
    say_curve(program)
    say_mistake(path)
    say_next()
    return 0


def program_path() -> Path:
    """Where the program and its price list are: inside an installed package, or in the examples of a checkout."""
    package = Path(pricing_dsl.__file__).parent
    installed = package / "demo_data" / PROGRAM
    return installed if installed.exists() else package.parent / "examples" / "llm" / PROGRAM


def title(words: str) -> None:
    output.say(f"\n{words}\n{'-' * len(words)}\n")


def say_program(path: Path) -> Program:
    """Check the program, run its own examples, and say what it is."""
    title("1. Check: an LLM platform that resells models at list price plus a markup")
    compilation = Compilation(Source(read_program(str(path)).text, PROGRAM), FilesBeside(str(path)))
    output.say_findings(compilation.source, compilation.diagnostics)
    program = compilation.program
    listed = path.with_name(PRICES).read_bytes().count(b"\n") - 1
    results = program.run_examples()
    passed = sum(result.passed for result in results)
    output.say(f"{PROGRAM}: {output.summary(compilation.diagnostics)}")
    output.say(f"{listed:,} list prices read from {PRICES}")
    output.say(f"{passed} of {len(results)} examples in the program pass")
    output.say("plans: " + ", ".join(program.plans))
    title("2. Price: a month of four customers")
    return program


def say_customer(program: Program, customer: Customer) -> Statement:
    """One customer's statement, short: what is not zero, the total, the cost behind it, and what blocks it."""
    usage = demo_usage.usage(customer)
    statement = program.evaluator(customer.plan).explain(usage)
    cost = program.evaluator(COST)(usage)
    output.say(f"{customer.name}: {customer.story}")
    searches = customer.searches * demo_usage.DAYS
    output.say(f"plan {customer.plan}, {demo_usage.requests(customer):,} requests, {searches:,} searches\n")
    for line in statement.lines:
        if line.minor:
            quantity = f"{grouped_text(line.quantity)} {line.unit}" if line.kind == "charge" else ""
            output.say(f"  {line.label:<18}{quantity:>24}{line.amount:>14,}")
    for row in statement.adjustments:
        if row.minor:
            output.say(f"  {row.id:<18}{'':>24}{row.amount:>14,}")
    output.say(f"  {'total':<18}{statement.currency:>24}{statement.total:>14,}")
    output.say(f"  {'at list price':<18}{'':>24}{cost.total:>14,}")
    if statement.unpriced:
        models = sorted({value for entry in statement.unpriced for name, value in entry.dimensions if name == "model"})
        output.say(f"  unpriced: {', '.join(models)} is on no list; this statement is a preview only")
    output.say("")
    return statement


def say_in_full(program: Program, statement: Statement) -> None:
    """One statement with its parts and reasons, then how one of its amounts came about."""
    from pricing_dsl.cli.tables import say_explanation, say_statement

    title(f"3. One statement in full: {IN_FULL}")
    say_statement(program, statement)
    title("4. Explain: how the support fee came about")
    say_explanation(program, statement, "support")


def say_curve(program: Program) -> None:
    """The charge of one customer against its tokens, all other usage as it is."""
    from pricing_dsl.cli.plotting import draw

    title(f"5. Draw: what {DRAWN} pays against its tokens: the floor, then the slope")
    customer = next(customer for customer in CUSTOMERS if customer.name == DRAWN)
    inputs = Inputs(demo_usage.usage(customer), None, None, None)
    draw(program.evaluator(customer.plan), inputs, "tokens", DRAWN_TO, None)


def say_mistake(path: Path) -> None:
    """The same program with one wrong word, and what the check says of it."""
    title("6. A mistake: web searches priced per thousand tokens")
    text = read_program(str(path)).text.replace(RIGHT, WRONG, 1)
    source = Source(text, PROGRAM)
    output.say_findings(source, Compilation(source, FilesBeside(str(path))).diagnostics)


def say_next() -> None:
    title("Next")
    output.say("pricing new my.pricing        a program of your own to start from")
    output.say("pricing check my.pricing      what is wrong with it")
    output.say("pricing test my.pricing       its own examples")
    output.say("pricing preview my.pricing --usage usage.json")
