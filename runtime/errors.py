"""What can go wrong in the runtime: one error with a code, a sentence, and how to mend it.

`CODES` registers them as `pricing_dsl.diagnostics.codes` does for programs; each has a page under docs/errors.
"""

from __future__ import annotations

CODES: dict[str, str] = {
    "X0101": "no such tenant",
    "X0102": "no such program",
    "X0103": "no such contract",
    "X0104": "no such statement",
    "X0301": "an event that is none",
    "X0302": "an event that no meter reads",
    "X0303": "an event from before the dedup window",
    "X0304": "an event from the future",
    "X0305": "a batch that cannot be read",
    "X0306": "a state with no room for more values",
    "X0307": "an aggregation that failed",
    "X0308": "dimension values that are too long",
    "X0309": "too many combinations of dimension values",
    "X0310": "a file of events that cannot be read",
    "X0105": "no such key, or no such job",
    "X0201": "the database is at another revision",
    "X0202": "the database cannot be reached",
    "X0401": "an example fails",
    "X0402": "a version that would change what is past",
    "X0403": "a contract that cannot be bound so",
    "X0404": "usage that was not measured",
    "X0405": "a period that cannot be finalised",
    "X0406": "a period that is cut inside an hour",
    "X0407": "a name that cannot be kept",
}
"""Code -> title."""


class RuntimeProblem(Exception):  # noqa: N818 - what it is to its reader
    """A call that the runtime refuses: `code` of `CODES`, one sentence, and what to do instead."""

    def __init__(self, code: str, message: str, help: str = "") -> None:  # noqa: A002 - the field's name everywhere
        super().__init__(f"{code}: {message}" + (f" ({help})" if help else ""))
        assert code in CODES, f"{code} is not registered"
        self.code = code
        self.message = message
        self.help = help
