"""Laws of programs as text: they compile, format keeps their meaning, the IR goes to JSON and text and back."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pricing_dsl.compilation import Compilation, format_source
from pricing_dsl.ir.json import content_hash, dumps, loads
from pricing_dsl.ir.text import from_text, to_text
from pricing_dsl.ir.verify import verify
from pricing_dsl.source import Source
from pricing_dsl.syntax.parse import from_source
from tests.laws.programs import Sample, samples
from tests.laws.running import compiled


@given(samples())
def test_a_program_made_by_the_rules_of_the_language_has_no_errors(sample: Sample) -> None:
    found = Compilation(Source(sample.text)).diagnostics
    assert [f"{d.code} {d.message}" for d in found if d.severity == "error"] == []


@given(samples(), st.sets(st.integers(0, 60)), st.sets(st.integers(0, 60)))
def test_format_keeps_the_tree_and_the_comments_and_is_idempotent(
    sample: Sample, behind: set[int], above: set[int]
) -> None:
    lines = [f"{line}   # note {i}" if i in behind else line for i, line in enumerate(sample.text.split("\n"))]
    text = "\n".join(f"# before {i}\n{line}" if i in above else line for i, line in enumerate(lines))
    assert_format_keeps(text)


@given(samples())
def test_format_of_a_program_on_one_line(sample: Sample) -> None:
    assert_format_keeps(" ".join(sample.text.split()))


def assert_format_keeps(text: str) -> None:
    formatted = format_source(text)
    before, after = from_source(Source(text)), from_source(Source(formatted))
    assert after.program == before.program
    assert after_text(text, before.comments) == after_text(formatted, after.comments)
    assert format_source(formatted) == formatted


def after_text(text: str, comments: tuple[tuple[int, int], ...]) -> list[str]:
    return [text[start:end].strip() for start, end in comments]


@given(samples())
def test_format_does_not_change_the_hash(sample: Sample) -> None:
    assert Compilation(Source(format_source(sample.text))).program.hash == compiled(sample).hash


@given(samples())
def test_ir_reads_back_from_json_and_from_text(sample: Sample) -> None:
    program = compiled(sample).ir
    verify(program)
    for again in (loads(dumps(program)), loads(dumps(program, spans=False)), from_text(to_text(program))):
        assert again == program
        assert content_hash(again) == content_hash(program)


@given(samples())
def test_compiling_again_gives_the_same_hash(sample: Sample) -> None:
    assert compiled(sample).hash == compiled(sample).hash
