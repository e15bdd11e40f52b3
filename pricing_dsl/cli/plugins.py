"""`pricing plugins list`, `new`, `verify`: which plugins there are, one to start from, and the proof of one.

`new` writes the templates beside this module, a package whose tests pass as it is; the tests see to that.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from pricing_dsl.cli import output
from pricing_dsl.cli.files import CallError, write_program
from pricing_dsl.plugin.checks import KINDS
from pricing_dsl.plugin.manager import PluginInfo, Plugins, plugins

TEMPLATES = Path(__file__).with_name("templates") / "plugin"
SUFFIX = ".txt"
"""What the files of the template end in, so that no tool takes them for code of the project."""

app = typer.Typer(
    help="List, start and verify plugins.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The plugin, or its package.")]


def _end(code: int) -> None:
    raise typer.Exit(code)


@app.command("list")
def list_plugins(
    format_: Annotated[Literal["text", "json"], typer.Option("--format", help="How to print the result.")] = "text",
) -> None:
    """Say which plugins are used and what they provide, and which are not and why."""
    there = plugins()
    if format_ == "json":
        output.say_json(to_dict(there))
    else:
        say_plugins(there)


@app.command("new")
def new_plugin(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it is called, such as `hourly_peak`.")],
    directory: Annotated[
        str | None, typer.Option("--directory", metavar="DIR", help="Where to write it (default: pricing-NAME).")
    ] = None,
) -> None:
    """Write a package with an aggregation and tests that pass, to change into your own."""
    try:
        _end(write_plugin(name, directory))
    except CallError as error:
        output.say_call_error(error)
        _end(2)


@app.command("verify")
def verify_plugin(name: Name) -> None:
    """Prove an installed plugin by the laws of what it provides. Exit code 1 when one is broken."""
    from pricing_dsl.plugin.testing import report

    _end(report.run(name))


# --- list ------------------------------------------------------------------------------------------------------------


def to_dict(there: Plugins) -> dict[str, Any]:
    """`{"plugins": [{name, package, version, hooks, provides}], "refused": [{plugin, version, hook, name, ...}]}`."""
    return {
        "plugins": [
            {
                "name": info.name,
                "package": info.package,
                "version": info.version,
                "hooks": list(info.hooks),
                "provides": {kind: list(names) for kind, names in info.provides.items()},
            }
            for info in there.loaded
        ],
        "refused": [
            {
                "plugin": refused.plugin,
                "version": refused.version,
                "hook": refused.hook or None,
                "name": refused.name or None,
                "reason": refused.reason,
                "help": refused.help,
            }
            for refused in there.refused
        ],
    }


def say_plugins(there: Plugins) -> None:
    for info in there.loaded:
        output.say(f"{info.name} {info.version}".rstrip() + _package(info))
        for hook in info.hooks:
            names = info.provides.get(KINDS[hook].provides, ()) if hook in KINDS else ()
            output.say(f"  {hook}: {', '.join(names)}" if names else f"  {hook}")
    if there.refused:
        output.say("\nnot used:")
    for refused in there.refused:
        output.say(f"  {refused}")
        output.say(f"   = help: {refused.help}")


def _package(info: PluginInfo) -> str:
    return f" ({info.package})" if info.package not in ("", info.name) else ""


# --- new -------------------------------------------------------------------------------------------------------------


def write_plugin(name: str, directory: str | None) -> int:
    """Write the template under a name. An existing folder that is not empty is left alone."""
    identifier = name.removeprefix("pricing-").replace("-", "_")
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,40}", identifier):
        raise CallError(
            f"`{name}` is no name of a plugin",
            "write small letters, digits and `_`, as in `pricing plugins new hourly_peak`",
        )
    if identifier in plugins().aggregations:
        raise CallError(f"there is an aggregation `{identifier}` already", "choose another name")
    dashed = identifier.replace("_", "-")
    folder = Path(directory or f"pricing-{dashed}")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise CallError(f"{folder} is already there", "name a folder that is not, with `--directory`")
    values = {"name": identifier, "package": f"pricing_{identifier}", "distribution": f"pricing-{dashed}"}
    for template in sorted(TEMPLATES.rglob(f"*{SUFFIX}")):
        target = folder / _filled(str(template.relative_to(TEMPLATES)).removesuffix(SUFFIX), values)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CallError(f"cannot write {target}: {(error.strerror or str(error)).lower()}") from None
        write_program(str(target), _filled(template.read_text(encoding="utf-8"), values))
    output.say(
        f"wrote {folder}; next: pip install --editable {folder} && pricing plugins verify {identifier}", sys.stderr
    )
    return 0


def _filled(text: str, values: dict[str, str]) -> str:
    """A template with `__name__`, `__package__` and `__distribution__` replaced."""
    for key, value in values.items():
        text = text.replace(f"__{key}__", value)
    return text
