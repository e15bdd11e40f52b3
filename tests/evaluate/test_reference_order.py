"""The twenty steps of the order of evaluation are where the reference evaluator says that they are."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

from pricing_dsl.evaluate import reference
from pricing_dsl.evaluate.reference import agreement

ROWS = re.compile(r"^ +(\d+)\. .*?  +((?:[\w.]+(?:, )?)+)$", re.MULTILINE)


def test_each_step_names_what_takes_it() -> None:
    found = {int(number): names.split(", ") for number, names in ROWS.findall(reference.__doc__ or "")}
    assert list(found) == list(range(1, 21))
    for names in found.values():
        for name in names:
            module, *path = name.split(".")
            near = module not in ("segmented_usage", "corrections")
            taken = import_module(f"pricing_dsl.evaluate.{'reference.' if near else ''}{module}")
            for attribute in path:
                taken = getattr(taken, attribute)
            assert callable(taken)


def test_a_statement_of_a_contract_reads_like_the_page() -> None:
    """Its numbered calls stand in the order of the steps, each once; 12 and 13 are taken line by line."""
    text = Path(agreement.__file__).read_text(encoding="utf-8")
    body = text[text.index("def evaluate_contract") : text.index("# --- ")]
    comments = " ".join(line.strip() for line in body.splitlines() if line.strip().startswith("#"))
    assert [int(number) for number in re.findall(r"(\d+)\. ", comments)] == list(range(1, 21))
