"""Commands that plugins add to `pricing`, and those of the project's other rooms, which come the same way.

They are listed by what they say about themselves; their modules are imported when a command is called. A name of
`pricing` itself never leads to a plugin, and looks at none.
"""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperGroup

from pricing_dsl.plugin.contract import Command
from pricing_dsl.plugin.manager import PluginFailure, Provided, plugins

PASSED_ON = {"allow_extra_args": True, "ignore_unknown_options": True, "allow_interspersed_args": False}
"""Everything behind a plugin's command is the plugin's to read."""


class WithPlugins(TyperGroup):
    """The commands of `pricing`, then those of plugins in the order of the alphabet."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Names of all commands, for the help."""
        return [*super().list_commands(ctx), *sorted(plugins().commands)]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of that name; plugins are loaded only when `pricing` has none."""
        own = super().get_command(ctx, cmd_name)
        if own is not None:
            return own
        provided = plugins().commands.get(cmd_name)
        return None if provided is None else stand_in(provided)


def stand_in(provided: Provided[Command]) -> Any:
    """A command that loads and calls the plugin's when it is called."""
    app = typer.Typer(add_completion=False, rich_markup_mode=None)

    @app.command(provided.value.name, help=provided.value.about, add_help_option=False, context_settings=PASSED_ON)
    def run(ctx: typer.Context) -> None:
        loaded(provided)(args=list(ctx.args), prog_name=ctx.command_path)

    return typer.main.get_command(app)


def loaded(provided: Provided[Command]) -> typer.Typer:
    """The plugin's command line. Where it cannot be loaded, says why and ends with code 1."""
    from pricing_dsl.cli.files import CallError
    from pricing_dsl.cli.output import say_call_error

    name = provided.value.name
    try:
        made = provided.call(provided.value.load)
    except PluginFailure as failure:
        say_call_error(
            CallError(
                f"`{name}` of the plugin {provided.who} does not work: {failure.refused.reason}", failure.refused.help
            )
        )
        raise typer.Exit(1) from None
    if not isinstance(made, typer.Typer):
        words = f"`{name}` of the plugin {provided.who} is `{type(made).__name__}`, not a `typer.Typer`"
        say_call_error(CallError(words, "mend the plugin"))
        raise typer.Exit(1)
    return made
