"""`pricing new`: programs to start from.

Each template is a file beside this one that checks without a warning and whose example passes; the tests see to that.
"""

from __future__ import annotations

import sys
from pathlib import Path

from pricing_dsl.cli import output
from pricing_dsl.cli.files import STDIN, CallError, write_program

TEMPLATES = Path(__file__).with_name("templates")


def names() -> tuple[str, ...]:
    """The templates there are."""
    return tuple(sorted(path.stem for path in TEMPLATES.glob("*.pricing")))


def new(file: str, template: str) -> int:
    """Write a template to `file`, or print it for `-`. An existing file is never overwritten."""
    from pricing_dsl.check.scope import did_you_mean

    if template not in names():
        near = did_you_mean(template, names())
        raise CallError(
            f"there is no template `{template}`",
            f"did you mean `{near}`?" if near else "there are: " + ", ".join(f"`{name}`" for name in names()),
        )
    text = (TEMPLATES / f"{template}.pricing").read_text(encoding="utf-8")
    if file == STDIN:
        sys.stdout.write(text)
        return 0
    if Path(file).exists():
        raise CallError(f"{file} is already there", "name a file that is not")
    write_program(file, text)
    output.say(f"wrote {file}; next: pricing check {file} && pricing test {file}", sys.stderr)
    return 0
