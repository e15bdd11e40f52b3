"""One program through all stages, lazily: source -> syntax -> checked -> IR -> evaluators.

`Compilation` has one property per stage and collects the diagnostics of all; `compile`, `check` and `format_source`
are the public face. Nothing here reads a disk: data files come in as a mapping from name to text or bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING

from pricing_dsl.check.company_rules import check_company_rules
from pricing_dsl.check.follow_ups import without_follow_ups
from pricing_dsl.check.program import Checked, from_syntax
from pricing_dsl.check.scope import did_you_mean
from pricing_dsl.diagnostics.diagnostic import Diagnostic, ProgramError, in_source_order
from pricing_dsl.evaluate.errors import EvaluationError
from pricing_dsl.ir import nodes as ir
from pricing_dsl.source import Source
from pricing_dsl.syntax import nodes as syntax
from pricing_dsl.syntax.parse import Parsed, from_source

if TYPE_CHECKING:  # loaded when first used: checking a program needs no evaluator
    from pricing_dsl.evaluate.evaluator import Evaluator
    from pricing_dsl.evaluate.examples import ExampleResult
    from pricing_dsl.evaluate.scalar import Tables

Files = Mapping[str, str | bytes]


class Compilation:
    """A program on its way through the stages, each computed when first asked for."""

    def __init__(self, source: Source, files: Files | None = None) -> None:
        self.source = source
        self.files: Files = files or {}

    @cached_property
    def parsed(self) -> Parsed:
        """The syntax tree and what did not parse."""
        return from_source(self.source)

    @cached_property
    def checked(self) -> Checked:
        """The checked program; `program` is `None` when there are errors."""
        return from_syntax(self.parsed.program, self.source, self.files)

    @cached_property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """All findings in source order. Where something did not parse, only what that cannot have caused."""
        if not self.parsed.diagnostics:
            if self.checked.program is None:
                return self.checked.diagnostics
            rules = check_company_rules(self.checked.program, self.source)
            return in_source_order([*self.checked.diagnostics, *rules]) if rules else self.checked.diagnostics
        damage = self.parsed.diagnostics
        others = without_follow_ups(self.checked.diagnostics, damage, self.parsed.program, self.source)
        return in_source_order([*damage, *others])

    @cached_property
    def program(self) -> Program:
        """The program. Raises `ProgramError` with all diagnostics when there are errors."""
        if any(d.severity == "error" for d in self.diagnostics) or self.checked.program is None:
            raise ProgramError(self.source, self.diagnostics)
        return Program(self, self.checked.program)


class Program:
    """A program without errors: what `compile` returns.

    >>> program = compile('''
    ... currency USD
    ... meter calls { from "call" measure count() }
    ... plan api { charge calls on calls { price 2 } }
    ... ''')
    >>> program.plans
    ('api',)
    >>> str(program.evaluator("api")({"calls": 3}).total)
    '6.00'
    """

    def __init__(self, compilation: Compilation, made: ir.Program) -> None:
        self.source = compilation.source
        self.diagnostics = compilation.diagnostics
        """Warnings."""
        self.ir = made
        self._later = compilation.checked.later
        self._factors = compilation.checked.factors
        self._syntax = compilation.parsed.program
        self._evaluators: dict[str, Evaluator] = {}

    @cached_property
    def hash(self) -> str:
        """Content hash of the meaning: the same on every machine, unchanged by formatting and comments."""
        from pricing_dsl.ir.json import content_hash

        return content_hash(self.ir)

    @property
    def plans(self) -> tuple[str, ...]:
        """Names of the plans, in source order."""
        return tuple(d.name.text for d in self._syntax.declarations if isinstance(d, syntax.Plan))

    @property
    def contracts(self) -> tuple[str, ...]:
        """Names of the contracts, in source order."""
        return tuple(d.name.text for d in self._syntax.declarations if isinstance(d, syntax.Contract))

    @property
    def examples(self) -> tuple[syntax.Example, ...]:
        """The `example` blocks, in source order."""
        return tuple(d for d in self._syntax.declarations if isinstance(d, syntax.Example))

    @property
    def proofs(self) -> tuple[syntax.Prove, ...]:
        """The `prove` statements, in source order."""
        return tuple(d for d in self._syntax.declarations if isinstance(d, syntax.Prove))

    def evaluator(self, name: str) -> Evaluator:
        """The evaluator of a contract or plan, as `example` finds them by name: reusable and thread-safe.

        Raises `EvaluationError`: R0101 for an unknown name, R0102 for a plan whose phases need the dates of a contract.
        """
        made = self._evaluators.get(name)
        if made is None:
            target = self._targets.get(name)
            if target is None:
                raise self._no_evaluator(name)
            from pricing_dsl.evaluate.evaluator import Evaluator

            made = self._evaluators.setdefault(name, Evaluator(self.ir, target, self._tables))
        return made

    @cached_property
    def _targets(self) -> dict[str, ir.Contract | ir.Plan]:
        """Plans and contracts by name; where both have one name it is the contract's."""
        targets: tuple[ir.Contract | ir.Plan, ...] = (*self.ir.plans[::-1], *self.ir.contracts[::-1])
        return {each.name: each for each in targets}

    @cached_property
    def _tables(self) -> Tables:
        """What evaluators need to know of tables, once for all of them."""
        from pricing_dsl.evaluate.scalar import Tables

        return Tables(self.ir)

    def _no_evaluator(self, name: str) -> EvaluationError:
        if name in self._later:
            return EvaluationError(
                "R0102", f"`{name}` cannot be evaluated alone: {self._later[name]}", "price a contract on this plan"
            )
        known = (*self.plans, *self.contracts)
        near = did_you_mean(name, known)
        there = ", ".join(f"`{n}`" for n in known) or "none"
        return EvaluationError(
            "R0101",
            f"there is no plan or contract `{name}`",
            f"did you mean `{near}`?" if near else f"there are: {there}",
        )

    def run_examples(self, name: str | None = None) -> tuple[ExampleResult, ...]:
        """Run the `example` blocks (those on `name` only, if given) and compare what they expect."""
        from pricing_dsl.evaluate.examples import run_example

        chosen = [example for example in self.examples if name is None or example.target.text == name]
        return tuple(run_example(self.evaluator, self._factor, example) for example in chosen)

    def _factor(self, meter: str, unit: str) -> Fraction:
        """How many of a meter's own unit one `unit` is; the checker has made sure that there is an answer."""
        own = next(m.unit for m in self.ir.meters if m.name == meter)
        return self._factors[unit] / self._factors[own]


def compile(text: str, name: str = "<program>", files: Files | None = None) -> Program:  # noqa: A001 - the public face
    """Compile a program. `files` maps the names in `rates ... from "name"` to their text or bytes.

    Raises `ProgramError`, whose `diagnostics` are all findings in source order.
    """
    return Compilation(Source(text, name), files).program


def check(text: str, name: str = "<program>", files: Files | None = None) -> tuple[Diagnostic, ...]:
    """All findings about a program, errors and warnings, in source order. Never raises.

    >>> [d.code for d in check("currency EURO")]
    ['U0102']
    """
    return Compilation(Source(text, name), files).diagnostics


def format_source(text: str, name: str = "<program>") -> str:
    """The program in the project's one layout; comments are kept. Raises `ProgramError` where it does not parse."""
    from pricing_dsl.syntax.format import format_program  # the printer is not needed to price

    return format_program(Source(text, name))
