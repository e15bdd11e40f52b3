"""How long `pricing check` takes from the shell, against Python importing the libraries that such a tool is made of.

Both run as processes of their own, one after the other in turns, so that what else the machine does meets both; their
processor time is compared.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from benchmarks.programs import program_of
from benchmarks.timing import Ratio

TURNS = 11
LINES = 100
IMPORTS = "import lark, pydantic, typer"
CHECK = "from pricing_dsl.cli import main; main()"


def cpu_seconds(command: Sequence[str]) -> float:
    """Processor time of one run of a command, its children included. Raises where it fails."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env={**os.environ, "TERM": "dumb"})
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime)


def run() -> list[Ratio]:
    """`pricing check` on a program of 100 lines, in units of the imports."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "program.pricing"
        file.write_text(program_of(LINES), encoding="utf-8")
        check = [sys.executable, "-c", CHECK, "check", str(file)]
        imports = [sys.executable, "-c", IMPORTS]
        for command in (check, imports):
            cpu_seconds(command)  # writes the bytecode caches
        turns = [(cpu_seconds(check), cpu_seconds(imports)) for _ in range(TURNS)]
    ours, theirs = zip(*turns, strict=True)
    return [
        Ratio(
            f"pricing check, {LINES} lines",
            f'python -c "{IMPORTS}"',
            min(ours) / min(theirs),
            median(ours) / median(theirs),
            min(theirs) * 1e9,
        )
    ]
