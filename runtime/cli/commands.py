"""The commands and their options: what may be said, in which words."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from runtime.cli.store import end

DatabaseUrl = Annotated[
    str | None,
    typer.Option("--database", metavar="URL", help="sqlite:///FILE or postgresql://...; else PRICING_DATABASE_URL."),
]
Tenant = Annotated[str | None, typer.Option("--tenant", metavar="NAME", help="Whose data; else PRICING_TENANT.")]
Format = Annotated[Literal["text", "json"], typer.Option("--format", help="How to print the result.")]
Customer = Annotated[str, typer.Argument(metavar="CUSTOMER", help="The customer.")]
Contract = Annotated[
    str | None, typer.Option("--contract", metavar="NAME", help="Which contract, where the customer has several.")
]
Period = Annotated[str, typer.Option("--period", metavar="PERIOD", help="2026-03, or 2026-03-01..2026-04-01.")]


def command() -> typer.Typer:
    return typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False, add_completion=False)


# --- programs and contracts ------------------------------------------------------------------------------------------

program = command()


@program.callback()
def _program() -> None:
    """Programs that are published: every version stays."""


@program.command("publish")
def publish(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A program.")],
    name: Annotated[str | None, typer.Option("--name", help="Its name; else that of the file.")] = None,
    effective: Annotated[
        str | None, typer.Option("--effective", metavar="DATE", help="In force from; now, if not said.")
    ] = None,
    database: DatabaseUrl = None,
    tenant: Tenant = None,
) -> None:
    """Publish FILE as the newest version of a program: checked, its examples run, in force from a date on."""
    from runtime.cli import publishing

    end(lambda: publishing.publish_file(file, name, effective, database, tenant))


@program.command("list")
def list_programs(format_: Format = "text", database: DatabaseUrl = None, tenant: Tenant = None) -> None:
    """List the programs with their versions, and from when each is in force."""
    from runtime.cli import publishing

    end(lambda: publishing.list_programs(format_, database, tenant))


contract = command()


@contract.callback()
def _contract() -> None:
    """Contracts that are bound to customers."""


@contract.command("bind")
def bind(
    program_name: Annotated[str, typer.Argument(metavar="PROGRAM", help="A published program.")],
    name: Annotated[str, typer.Argument(metavar="CONTRACT", help="A contract of it.")],
    customer: Annotated[str | None, typer.Option("--customer", help="Else the one that the contract names.")] = None,
    version: Annotated[int | None, typer.Option("--version", help="Stay with this version; else the newest.")] = None,
    database: DatabaseUrl = None,
    tenant: Tenant = None,
) -> None:
    """Bind a contract to a customer, so that its usage is priced by it."""
    from runtime.cli import publishing

    end(lambda: publishing.bind_contract(program_name, name, customer, version, database, tenant))


@contract.command("list")
def list_contracts(format_: Format = "text", database: DatabaseUrl = None, tenant: Tenant = None) -> None:
    """List the contracts with their customers and programs."""
    from runtime.cli import publishing

    end(lambda: publishing.list_contracts(format_, database, tenant))


# --- statements ------------------------------------------------------------------------------------------------------

rate = command()


@rate.command()
def rate_period(
    customer: Customer,
    period: Period,
    contract: Contract = None,
    finalise: Annotated[bool, typer.Option("--finalise", help="Keep it: it never changes again.")] = False,
    format_: Format = "text",
    database: DatabaseUrl = None,
    tenant: Tenant = None,
) -> None:
    """Price what CUSTOMER has used in a period; with --finalise, make it the statement that is kept."""
    from runtime.cli import rating

    end(lambda: rating.rate(customer, period, contract, finalise, format_, database, tenant))


statement = command()


@statement.command()
def show_statement(
    statement_id: Annotated[str | None, typer.Argument(metavar="[ID]", help="A finalised statement.")] = None,
    customer: Annotated[str | None, typer.Option("--customer", help="List those of one customer.")] = None,
    format_: Format = "text",
    database: DatabaseUrl = None,
    tenant: Tenant = None,
) -> None:
    """Show a finalised statement, or list those there are."""
    from runtime.cli import rating

    end(lambda: rating.statement(statement_id, customer, format_, database, tenant))


balances = command()


@balances.command()
def show_balances(
    customer: Customer,
    contract: Contract = None,
    format_: Format = "text",
    database: DatabaseUrl = None,
    tenant: Tenant = None,
) -> None:
    """Show the balances of CUSTOMER with every entry of the ledger."""
    from runtime.cli import rating

    end(lambda: rating.balances(customer, contract, format_, database, tenant))


replay = command()


@replay.command()
def replay_statement(
    statement_id: Annotated[str, typer.Argument(metavar="ID", help="A finalised statement.")],
    database: DatabaseUrl = None,
    tenant: Tenant = None,
) -> None:
    """Compute a finalised statement again, and say whether it is the same to the last digit."""
    from runtime.cli import rating

    end(lambda: rating.replay_statement(statement_id, database, tenant))


audit = command()


@audit.command()
def audit_all(
    customer: Annotated[str | None, typer.Option("--customer", help="One customer alone.")] = None,
    format_: Format = "text",
    database: DatabaseUrl = None,
    tenant: Tenant = None,
) -> None:
    """Check everything that is finalised: statements computed again, lines, balances and the ledger added up."""
    from runtime.cli import rating

    end(lambda: rating.audit_all(customer, format_, database, tenant))


backtest = command()


@backtest.command()
def backtest_programs(
    old: Annotated[str, typer.Argument(metavar="OLD", help="A program file, or NAME[@VERSION] of a published one.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="The same.")],
    period: Annotated[list[str], typer.Option("--period", metavar="PERIOD", help="One or more periods.")],
    customer: Annotated[list[str] | None, typer.Option("--customer", help="These customers only.")] = None,
    on: Annotated[str | None, typer.Option("--on", metavar="CONTRACT", help="Price everybody by this one.")] = None,
    results: Annotated[
        str | None, typer.Option("--results", metavar="FILE", help="Results as NDJSON; a run that was stopped goes on.")
    ] = None,
    format_: Format = "text",
    database: DatabaseUrl = None,
    tenant: Tenant = None,
) -> None:
    """Price stored usage by two programs: who would pay more, by how much, and on which lines."""
    from runtime.cli import backtesting

    end(lambda: backtesting.run(old, new, period, customer, on, results, format_, database, tenant))


# --- usage -----------------------------------------------------------------------------------------------------------

ingest = command()


@ingest.command()
def ingest_file(
    file: Annotated[str, typer.Argument(metavar="FILE", help="Events as NDJSON, CSV or Parquet; - is standard input.")],
    input_format: Annotated[
        Literal["ndjson", "csv", "parquet"] | None,
        typer.Option("--input-format", help="What the file is; else its name says it."),
    ] = None,
    format_: Format = "text",
    database: DatabaseUrl = None,
    tenant: Tenant = None,
) -> None:
    """Take in the events of FILE: each once, however often it comes, and what is wrong is kept with its reason."""
    from runtime.cli import ingesting

    end(lambda: ingesting.ingest_file(file, input_format, format_ == "json", database, tenant))


# --- the database ----------------------------------------------------------------------------------------------------

db = command()


@db.callback()
def _db() -> None:
    """The database."""


@db.command("upgrade")
def upgrade(database: DatabaseUrl = None) -> None:
    """Bring the database to the newest revision."""
    from runtime.cli import databases

    end(lambda: databases.upgrade(database))


@db.command("status")
def status(database: DatabaseUrl = None) -> None:
    """Say at which revision the database is."""
    from runtime.cli import databases

    end(lambda: databases.status(database))
