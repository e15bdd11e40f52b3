"""The command line, `pricing`: check, fmt, test, preview, explain, timeline, diff, new, demo.

`app` declares the commands and their options, one module per task does the work, `files` is the only one that reads
and writes the disk, `output` the only one that knows about terminals. Whatever costs time to import (tables, plots,
the evaluators' tools) is imported inside the command that needs it, so that `pricing check` starts fast.

Exit codes: 0 fine; 1 the program has errors, an example fails, or `fmt --check` finds changes; 2 a wrong call: a file
that is not there, usage that cannot be read or priced, an unknown plan. Ctrl-C ends with 130.
"""

from __future__ import annotations

import os
import sys

__all__ = ["main"]


def main() -> None:
    """The entry point of `pricing`. Always ends the process, and never with a traceback for a mistake of the caller."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal that lacks a character must not stop a report
    try:
        code = _run()
        sys.stdout.flush()
    except KeyboardInterrupt:
        code = 130
    except BrokenPipeError:
        # The reader went away (`pricing check ... | head`). What is still buffered goes nowhere, quietly.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    sys.exit(code)


def _run() -> int:
    command, files = sys.argv[1:2], sys.argv[2:]
    if command == ["check"] and files and not any(file.startswith("-") and file != "-" for file in files):
        # Editors and hooks call this on every save, and declaring the options costs as much as the check itself.
        from pricing_dsl.cli.programs import check

        return check(files, "text")

    from pricing_dsl.cli.app import app

    try:
        app(prog_name="pricing")
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 0
    return 0
