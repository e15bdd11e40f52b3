"""What every command of the runtime needs: the database that it works on, the tenant it acts for, and the clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import typer

from pricing_dsl.cli import output
from pricing_dsl.cli.files import CallError
from pricing_dsl.cli.programs import say_program_error
from pricing_dsl.diagnostics.diagnostic import ProgramError
from pricing_dsl.evaluate.errors import EvaluationError
from runtime.errors import RuntimeProblem
from runtime.settings import Settings
from runtime.store.database import Database
from runtime.store.repositories import programs


@contextmanager
def opened(url: str | None, tenant: str | None, *, make: bool = False) -> Iterator[tuple[Database, str]]:
    """The database and the tenant that a call means: what it says, else the settings. `make`: a new tenant is made."""
    settings = Settings()
    database = Database.open(url or settings.database_url)
    name = tenant or settings.tenant
    try:
        if make:
            with database.transaction() as work:
                programs.ensure_tenant(work, name, now())
        yield database, name
    finally:
        database.close()


def now() -> datetime:
    """The clock."""
    return datetime.now(UTC)


def end(work: Callable[[], int]) -> None:
    """Run a command's work and end with its exit code; what is wrong with the call is said on standard error."""
    try:
        code = work()
    except CallError as error:
        output.say_call_error(error)
        code = 2
    except (RuntimeProblem, EvaluationError) as error:
        output.say_call_error(CallError(error.message, error.help, error.code))
        code = 2
    except ProgramError as error:
        code = say_program_error(error, "text")
    raise typer.Exit(code)
