"""The one error that a built-in aggregation raises for good events: more of them than an exact state may hold."""

from __future__ import annotations


class LimitError(ValueError):
    """A state would hold more than its named limit, and nothing is approximated unless the program says so.

    The first argument says what is too many; `help` says what to write in the program.
    """

    def __init__(self, message: str, help: str) -> None:  # noqa: A002 - the word of every diagnostic
        super().__init__(message)
        self.help = help
