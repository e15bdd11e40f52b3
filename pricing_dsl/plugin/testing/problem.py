"""What the kit says: laws, the checks of them, and the problems it found, each with what to mend."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


class KitError(Exception):
    """The kit cannot run: there is no such plugin, or Hypothesis is not installed. The message says what to do."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What is being checked: one thing that a hook of a plugin provides. `noun` is what it is, as "aggregation"."""

    plugin: str
    version: str
    hook: str
    noun: str
    name: str


@dataclass(frozen=True, slots=True)
class Law:
    """What must hold. `says` states it in one line; `help` is what to mend in most plugins that break it."""

    name: str
    says: str
    help: str


@dataclass(frozen=True, slots=True)
class Problem:
    """A law that does not hold: for what, the smallest `example` that was found, and what to write instead."""

    plugin: str
    version: str
    hook: str
    name: str
    law: str
    message: str
    help: str
    example: str = ""

    def __str__(self) -> str:
        who = f"plugin `{self.plugin}` {self.version}".rstrip()
        hook = f", hook `{self.hook}`" if self.hook else ""
        name = f", `{self.name}`" if self.name else ""
        example = f"\n  example: {self.example}" if self.example else ""
        return f"{who}{hook}{name}, law {self.law}: {self.message}{example}\n  to mend: {self.help}"


@dataclass(frozen=True, slots=True)
class Check:
    """One law asked of one thing. `note` is what was measured, or why the law could not be asked."""

    hook: str
    name: str
    law: str
    says: str
    outcome: Literal["ok", "failed", "not asked"]
    note: str = ""
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """All that was asked of a plugin, in the order of its hooks."""

    plugin: str
    version: str
    checks: tuple[Check, ...]

    @property
    def problems(self) -> tuple[Problem, ...]:
        return tuple(check.problem for check in self.checks if check.problem is not None)


@dataclass(frozen=True, slots=True)
class Breach:
    """What one example showed. `law` is set where it breaks another law than the one that was asked."""

    message: str
    law: Law | None = None


class Findings:
    """Collects the checks of one subject; a law that several examples break is reported once."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self._checks: dict[str, Check] = {}

    def holds(self, law: Law, note: str = "") -> None:
        self._put(Check(self.subject.hook, self.subject.name, law.name, law.says, "ok", note))

    def not_asked(self, law: Law, why: str) -> None:
        self._put(Check(self.subject.hook, self.subject.name, law.name, law.says, "not asked", why))

    def breaks(self, law: Law, message: str, example: str = "", help: str = "") -> None:  # noqa: A002
        of = self.subject
        problem = Problem(of.plugin, of.version, of.hook, of.name, law.name, message, help or law.help, example)
        self._put(Check(of.hook, of.name, law.name, law.says, "failed", "", problem))

    def has_broken(self, law: Law) -> bool:
        return law.name in self._checks and self._checks[law.name].outcome == "failed"

    def checks(self) -> tuple[Check, ...]:
        return tuple(self._checks.values())

    def problems(self) -> tuple[Problem, ...]:
        return tuple(check.problem for check in self._checks.values() if check.problem is not None)

    def _put(self, check: Check) -> None:
        """What failed stays failed; what holds in one form and could not be asked in another holds."""
        before = self._checks.get(check.law)
        rank = ("not asked", "ok", "failed")
        if before is None or rank.index(check.outcome) > rank.index(before.outcome):
            self._checks[check.law] = check
