"""Whether things of a plugin do the same in another interpreter, with another seed of `hash()`.

The other interpreter imports the modules in which they are defined, finds them by hook and name, and writes their
`transcript`; both must agree line by line. What it cannot find (a function made inside another) is said, not passed.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from pricing_dsl.plugin.testing.problem import Findings, Law
from pricing_dsl.plugin.testing.transcript import transcript

SECONDS_MAX = 120
"""How long the other interpreter may take."""
HASH_SEEDS = ("4242", "17")

ANOTHER_INTERPRETER = Law(
    "another interpreter",
    "the same events and arguments come to the same in a fresh interpreter with another hash seed",
    "use no `hash()`, no order of a set or of a dict filled in an order that may change, no clock, no random numbers",
)


@dataclass(frozen=True, slots=True)
class Asked:
    """One thing to be found again: `modules` are where it may be."""

    findings: Findings
    item: Any
    modules: tuple[str, ...]


def ask_fresh(asked: Sequence[Asked]) -> None:
    """Compare this interpreter's lines with another's and put what comes of it into the findings."""
    if not asked:
        return
    try:
        answers = _answers(asked)
    except RuntimeError as error:
        for each in asked:
            each.findings.breaks(ANOTHER_INTERPRETER, str(error), help="import the plugin in a fresh interpreter")
        return
    for each, there in zip(asked, answers, strict=True):
        here = transcript(each.item)
        if isinstance(there, str):
            each.findings.not_asked(ANOTHER_INTERPRETER, there)
            continue
        pairs = [pair for pair in zip(here, there, strict=False) if pair[0] != pair[1]]
        if not pairs and len(here) == len(there):
            each.findings.holds(ANOTHER_INTERPRETER)
        else:
            mine, other = pairs[0] if pairs else (f"{len(here)} lines", f"{len(there)} lines")
            each.findings.breaks(
                ANOTHER_INTERPRETER, f"here it comes to {_short(mine)}, in another interpreter to {_short(other)}"
            )


def modules_of(*functions: Any) -> tuple[str, ...]:
    """The modules in which functions are defined."""
    named = [getattr(function, "__module__", None) for function in functions]
    return tuple(dict.fromkeys(name for name in named if name and name != "builtins"))


def _answers(asked: Sequence[Asked]) -> list[list[str] | str]:
    """For each thing its lines in the other interpreter, or why there are none. Raises `RuntimeError` if that died."""
    wanted = [
        {
            "hook": each.findings.subject.hook,
            "name": each.findings.subject.name,
            "modules": [[name, getattr(sys.modules.get(name), "__file__", None)] for name in each.modules],
        }
        for each in asked
    ]
    seed = next(seed for seed in HASH_SEEDS if seed != os.environ.get("PYTHONHASHSEED"))
    try:
        done = subprocess.run(
            [sys.executable, "-c", f"from {__name__} import main; main()"],
            input=json.dumps({"path": sys.path, "wanted": wanted}),
            capture_output=True,
            text=True,
            timeout=SECONDS_MAX,
            check=False,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
    except subprocess.TimeoutExpired:
        raise RuntimeError(f"another interpreter took more than {SECONDS_MAX} seconds") from None
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise RuntimeError(f"another interpreter ended with {done.returncode}: {last}")
    answers: list[list[str] | str] = json.loads(done.stdout.splitlines()[-1])
    return answers


def _short(line: str) -> str:
    return line if len(line) <= 160 else line[:157] + "..."


# --- in the other interpreter ----------------------------------------------------------------------------------------


def main() -> None:
    """Reads what is wanted from standard input, writes a list of transcripts as the last line of standard output."""
    wanted = json.load(sys.stdin)
    sys.path[:] = wanted["path"]
    print(json.dumps([_answer(each) for each in wanted["wanted"]]))


def _answer(wanted: dict[str, Any]) -> list[str] | str:
    reason = "it must stand in a list or a name of its module, or come from the hook there"
    for name, file in wanted["modules"]:
        try:
            found = _found(_module(name, file), wanted["hook"], wanted["name"])
        except Exception as error:
            reason = f"another interpreter cannot import `{name}`: {type(error).__name__}: {error}"
            continue
        if found is not None:
            return transcript(found)
    return f"it was not found in another interpreter: {reason}"


def _module(name: str, file: str | None) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ImportError:
        spec = None if file is None else importlib.util.spec_from_file_location(name, file)
        if spec is None or spec.loader is None:
            raise
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
        return module


def _found(module: ModuleType, hook: str, name: str) -> Any:
    """What the module's hook returns under that name, or else what stands in the module."""
    from pricing_dsl.plugin.checks import KINDS

    places = list(vars(module).values())
    if callable(getattr(module, hook, None)):
        places.insert(0, getattr(module, hook)())
    for place in places:
        for item in place if isinstance(place, list | tuple) else (place,):
            if isinstance(item, KINDS[hook].type) and getattr(item, "name", None) == name:
                return item
    return None
