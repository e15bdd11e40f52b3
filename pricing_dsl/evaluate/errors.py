"""What goes wrong at the evaluator's door: usage, periods and quantities that cannot be priced.

A checked program evaluates without errors of its own; what is left is said here, once, with a code of the R section.
Reasons of `unpriced` entries are no errors and stand in `lookup`.
"""

from __future__ import annotations


class EvaluationError(ValueError):
    """An input that cannot be priced. `message` is one sentence, `help` says what to give instead."""

    def __init__(self, code: str, message: str, help: str = "") -> None:  # noqa: A002 - the word of every diagnostic
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.help = help
