"""The commands of `pricing` and their options: what may be said, in which words. The work is done elsewhere.

Each command imports its module when it is called, and ends the process with the exit code that it returns (see the
package). Help and errors of the call are plain text.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal

import typer

from pricing_dsl.cli import plugins as plugin_commands
from pricing_dsl.cli.files import CallError
from pricing_dsl.cli.plugin_commands import WithPlugins

app = typer.Typer(
    cls=WithPlugins,
    help="Check, test, preview and explain programs that say what usage costs.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Files = Annotated[list[str], typer.Argument(metavar="FILES...", help="Programs; `-` is standard input.")]
File = Annotated[str, typer.Argument(metavar="FILE", help="A program; `-` is standard input.")]
Format = Annotated[Literal["text", "json"], typer.Option("--format", help="How to print the result.")]
On = Annotated[
    str | None,
    typer.Option("--on", metavar="NAME", help="The plan or contract to price; needed where there are several."),
]
Usage = Annotated[
    str | None,
    typer.Option(
        "--usage",
        metavar="JSON",
        help='A JSON file, `-` for standard input, or JSON itself: {"requests": 1200000}; left out, none.',
    ),
]
Balances = Annotated[
    str | None,
    typer.Option("--balances", metavar="JSON", help='What a contract opens with: {"annual": "50000.00"}.'),
]
Counters = Annotated[
    str | None,
    typer.Option("--counters", metavar="JSON", help='What its `counted` lines have counted: {"requests": 1200000}.'),
]
Period = Annotated[
    str | None,
    typer.Option("--period", metavar="PERIOD", help="2026-03, or 2026-03-01..2026-03-16; left out, a whole first one."),
]


def _end(work: Callable[[], int]) -> None:
    """Run a command's work and end with its exit code; a wrong call is said on standard error and is code 2."""
    try:
        code = work()
    except CallError as error:
        from pricing_dsl.cli.output import say_call_error

        say_call_error(error)
        code = 2
    raise typer.Exit(code)


@app.callback(invoke_without_command=True)
def _pricing(
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.", is_eager=True)] = False,
) -> None:
    if version:
        from pricing_dsl import __version__

        typer.echo(f"pricing {__version__}")
        raise typer.Exit


@app.command()
def check(
    files: Files,
    format_: Annotated[
        Literal["text", "json", "sarif", "github"], typer.Option("--format", help="How to print the findings.")
    ] = "text",
) -> None:
    """Say what is wrong with programs. Exit code 1 when there are errors."""
    from pricing_dsl.cli import programs

    _end(lambda: programs.check(files, format_))


@app.command()
def fmt(
    files: Files,
    check_: Annotated[bool, typer.Option("--check", help="Change nothing; exit code 1 if something would.")] = False,
    diff: Annotated[bool, typer.Option("--diff", help="Change nothing; show what would.")] = False,
) -> None:
    """Lay programs out in the one style. Standard input is formatted to standard output."""
    from pricing_dsl.cli import programs

    _end(lambda: programs.fmt(files, check_only=check_, diff=diff))


@app.command("test")
def run_examples(files: Files, format_: Format = "text") -> None:
    """Run the examples in programs. Exit code 1 when one fails."""
    from pricing_dsl.cli import examples

    _end(lambda: examples.run(files, format_))


@app.command()
def preview(
    file: File,
    usage: Usage = None,
    on: On = None,
    period: Period = None,
    balances: Balances = None,
    counters: Counters = None,
    format_: Format = "text",
    plot: Annotated[
        str | None, typer.Option("--plot", metavar="METER", help="Draw the charge against this meter's usage.")
    ] = None,
    plot_file: Annotated[
        str | None,
        typer.Option("--plot-file", metavar="OUT", help="Draw into a .png or .svg file, not into the terminal."),
    ] = None,
    to: Annotated[
        str | None, typer.Option("--to", metavar="N", help="Draw from 0 to N (default: to the last tier).")
    ] = None,
) -> None:
    """Price usage: every line with its quantity, amount and reason, adjustments, total and due."""
    from pricing_dsl.cli import statements

    request = statements.Request(file, on, usage, period, balances, counters)
    _end(lambda: statements.preview(request, format_, plot, plot_file, to))


@app.command()
def explain(
    file: File,
    usage: Usage = None,
    on: On = None,
    period: Period = None,
    balances: Balances = None,
    counters: Counters = None,
    line: Annotated[str | None, typer.Option("--line", metavar="LINE", help="Only this line or adjustment.")] = None,
    format_: Format = "text",
) -> None:
    """Show how every amount came about: rule, place in the program, inputs and formula."""
    from pricing_dsl.cli import statements

    request = statements.Request(file, on, usage, period, balances, counters)
    _end(lambda: statements.explain(request, line, format_))


@app.command()
def timeline(
    file: File,
    contract: Annotated[
        str | None, typer.Argument(metavar="CONTRACT", help="The contract to show; needed where there are several.")
    ] = None,
    format_: Format = "text",
    plot_file: Annotated[
        str | None, typer.Option("--plot-file", metavar="OUT", help="Draw into a .png or .svg file, not as text.")
    ] = None,
) -> None:
    """Show what is in force when under a contract: lines, overrides, adjustments, balances."""
    from pricing_dsl.cli.timeline import show

    _end(lambda: show(file, contract, format_, plot_file))


@app.command()
def diff(
    old: Annotated[str, typer.Argument(metavar="OLD", help="A program.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="The program that follows it.")],
    usage: Annotated[
        str | None, typer.Option("--usage", metavar="JSON", help="Usage to price under both, as for `preview`.")
    ] = None,
    on: On = None,
    period: Period = None,
    balances: Balances = None,
    counters: Counters = None,
    format_: Format = "text",
) -> None:
    """Say what changed between two programs, in the words of the language, and what it changes in money."""
    from pricing_dsl.cli.diff import Given, compare

    _end(lambda: compare(old, new, Given(on, usage, period, balances, counters), format_))


@app.command()
def new(
    file: Annotated[str, typer.Argument(metavar="FILE", help="The program to write; `-` prints it.")],
    template: Annotated[str, typer.Option("--template", metavar="NAME", help="api, llm, seats or payments.")] = "api",
) -> None:
    """Write a small program to start from, with an example that passes."""
    from pricing_dsl.cli import starters

    _end(lambda: starters.new(file, template))


@app.command("import")
def import_prices(
    importer: Annotated[str, typer.Argument(metavar="NAME", help="The importer, such as `stripe`.")],
    file: Annotated[str, typer.Argument(metavar="FILE", help="What it reads; `-` is standard input.")],
    folder: Annotated[
        str | None, typer.Option("-o", "--output", metavar="DIR", help="Write the program and its files here.")
    ] = None,
) -> None:
    """Make a program of another system's prices, and say what could not be carried over."""
    from pricing_dsl.cli import exchange

    _end(lambda: exchange.import_prices(importer, file, folder))


@app.command("export")
def export_statements(
    exporter: Annotated[str, typer.Argument(metavar="NAME", help="The exporter, such as `focus`.")],
    files: Annotated[
        list[str], typer.Argument(metavar="STATEMENTS...", help="What `pricing preview --format json` prints.")
    ],
    target: Annotated[str, typer.Option("-o", "--output", metavar="FILE", help="The file to write.")],
    format_: Annotated[
        str | None,
        typer.Option("--format", metavar="FORMAT", help="One of the exporter's (default: by the file's name)."),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="OPTION=TEXT", help="An option of the exporter; may be repeated."),
    ] = None,
) -> None:
    """Write statements in another system's form."""
    from pricing_dsl.cli import exchange

    _end(lambda: exchange.export_statements(exporter, files, target, format_, settings or []))


app.add_typer(plugin_commands.app, name="plugins")


@app.command()
def demo() -> None:
    """Show the main job on shipped data: check, price, explain."""
    from pricing_dsl.cli.demo import run_demo

    _end(run_demo)
