"""How a finding looks: each case is a program, the findings about it and the exact text that a reader sees."""

from __future__ import annotations

import io

from hypothesis import given
from hypothesis import strategies as st

from pricing_dsl.diagnostics import text
from pricing_dsl.diagnostics.diagnostic import Diagnostic, Label
from pricing_dsl.diagnostics.layout import text_width
from pricing_dsl.source import Source, Span

PROGRAM = """currency USD
unit token | tokens

meter tokens { unit token }
\tmeter 価格 { unit token }

plan scale {
  # one
  # two
  # three
  charge tokens on tokens { price 0.25 per 1 GB }
}
"""


def span(words: str, program: str = PROGRAM, nth: int = 0) -> Span:
    at = -1
    for _ in range(nth + 1):
        at = program.index(words, at + 1)
    return Span(at, at + len(words))


def shown(*diagnostics: Diagnostic, program: str = PROGRAM, width: int = text.WIDTH) -> str:
    return text.render(Source(program, "scale.pricing"), diagnostics, width)


def expected(block: str) -> str:
    """A block indented by four, as written in this file."""
    return "".join(line.removeprefix("    ") + "\n" for line in block.strip("\n").split("\n")[:-1])


def test_the_look_of_the_language_reference() -> None:
    finding = Diagnostic(
        "U0301",
        "this rate is per `GB`, but `tokens` counts `token`",
        span("1 GB"),
        "rate per GB",
        (Label(span("token"), "`tokens` is declared in `token` here"),),
        "write `per 1 token`, or price a meter that counts GB",
    )
    assert shown(finding) == expected("""
    error[U0301]: this rate is per `GB`, but `tokens` counts `token`
      --> scale.pricing:11:44
       |
    11 |   charge tokens on tokens { price 0.25 per 1 GB }
       |                                            ^^^^ rate per GB
       |
     2 | unit token | tokens
       |      ----- `tokens` is declared in `token` here
       = help: write `per 1 token`, or price a meter that counts GB
    """)


def test_labels_on_the_line_of_the_finding_hang_below_it_and_others_follow_in_source_order() -> None:
    finding = Diagnostic(
        "T0001",
        "two kinds",
        span("1 GB"),
        "per GB",
        (
            Label(span("token", nth=3), "this unit"),
            Label(span("0.25"), "the rate"),
            Label(span("currency"), "money is USD"),
            Label(span("tokens {", nth=1), "the meter"),
        ),
    )
    assert shown(finding) == expected("""
    error[T0001]: two kinds
      --> scale.pricing:11:44
       |
    11 |   charge tokens on tokens { price 0.25 per 1 GB }
       |                    --------       ----     ^^^^ per GB
       |                    |              |
       |                    |              the rate
       |                    the meter
       |
     1 | currency USD
       | -------- money is USD
    ...
     4 | meter tokens { unit token }
       |                     ----- this unit
    """)


def test_a_label_inside_the_finding_and_one_at_its_start() -> None:
    finding = Diagnostic(
        "T0001",
        "outer and inner",
        span("price 0.25 per 1 GB"),
        "outer",
        (Label(span("0.25"), "inner"), Label(span("price"), "same start")),
    )
    assert shown(finding) == expected("""
    error[T0001]: outer and inner
      --> scale.pricing:11:29
       |
    11 |   charge tokens on tokens { price 0.25 per 1 GB }
       |                             ^^^^^^^^^^^^^^^^^^^
       |                             |     |
       |                             |     inner
       |                             outer
       |                             same start
    """)


def test_tabs_and_wide_characters_keep_the_carets_under_their_words() -> None:
    finding = Diagnostic("N0001", "wide", span("unit", nth=2), "here", (Label(span("価格"), "a wide name"),))
    assert shown(finding) == expected("""
    error[N0001]: wide
     --> scale.pricing:5:13
      |
    5 |     meter 価格 { unit token }
      |           ----   ^^^^ here
      |           |
      |           a wide name
    """)


def test_a_range_over_several_lines_shows_its_first_and_its_last() -> None:
    finding = Diagnostic("W0001", "the whole plan", Span(PROGRAM.index("plan"), len(PROGRAM) - 1), "nothing uses it")
    assert shown(finding) == expected("""
    warning[W0001]: the whole plan
      --> scale.pricing:7:1
       |
     7 | plan scale {
       | ^^^^^^^^^^^^
    ...
    12 | }
       | ^ nothing uses it
    """)


def test_the_end_of_the_file_is_a_place() -> None:
    after_line_end = shown(Diagnostic("S0001", "no `}`", Span(4, 4), "the file ends here"), program="p {\n")
    assert after_line_end == expected("""
    error[S0001]: no `}`
     --> scale.pricing:2:1
      |
    2 |
      | ^ the file ends here
    """)
    inside_line = shown(Diagnostic("S0001", "no `}`", Span(3, 3), "the file ends here"), program="p {")
    assert inside_line == expected("""
    error[S0001]: no `}`
     --> scale.pricing:1:4
      |
    1 | p {
      |    ^ the file ends here
    """)
    assert "1 |\n  | ^ empty" in shown(Diagnostic("S0001", "empty", Span(0, 0), "empty"), program="")


def test_long_lines_are_cut_around_the_range() -> None:
    line = "x " * 60 + "price 0.25" + " y" * 60
    middle = shown(Diagnostic("T0001", "m", span("price 0.25", line), "here"), program=line, width=64)
    assert middle == expected("""
    error[T0001]: m
     --> scale.pricing:1:121
      |
    1 | ...x x x x x x x x x x x price 0.25 y y y y y y y y y y y...
      |                          ^^^^^^^^^^ here
    """)
    at_start = shown(Diagnostic("T0001", "m", Span(0, 1)), program=line, width=64)
    assert "1 | x x" in at_start
    assert at_start.endswith("...\n  | ^\n")
    at_end = shown(Diagnostic("T0001", "m", Span(len(line) - 1, len(line)), "last"), program=line, width=64)
    assert "1 | ..." in at_end
    assert at_end.splitlines()[-2].endswith("y y")
    whole = shown(Diagnostic("T0001", "m", Span(0, len(line)), "all"), program=line, width=64)
    assert all(len(row) <= 64 + len(" all") for row in whole.splitlines())


def test_what_would_steer_the_terminal_is_not_printed() -> None:
    program = "plan \x1b[31mred\u202e {\r\n}\r\n"
    output = text.render(
        Source(program, "a\x1b.pricing"), [Diagnostic("S0001", "odd \x1b sign", Span(5, 6), "\x07 here")]
    )
    assert output == expected("""
    error[S0001]: odd � sign
     --> a�.pricing:1:6
      |
    1 | plan �[31mred� {
      |      ^ � here
    """)


def test_findings_are_separated_by_one_blank_line_and_none_is_empty() -> None:
    one = Diagnostic("S0001", "first", Span(0, 8))
    two = Diagnostic("S0002", "second", Span(9, 12), help="do this\nor that")
    output = shown(one, two)
    assert output.count("\n\n") == 1
    assert output.endswith("  = help: do this\n          or that\n")
    assert shown() == ""


def test_colours_change_no_character() -> None:
    from rich.console import Console

    finding = Diagnostic("U0301", "m", span("1 GB"), "main", (Label(span("token"), "label"),), "help")
    source = Source(PROGRAM, "scale.pricing")
    rich_text = text.render_rich(source, [finding])
    assert "\n".join(line.rstrip() for line in rich_text.plain.splitlines()) + "\n" == text.render(source, [finding])
    out = io.StringIO()
    Console(file=out, force_terminal=True, color_system="standard", width=200).print(rich_text)
    assert "\x1b[1;31merror[U0301]\x1b[0m" in out.getvalue()
    assert "\x1b[1;31m^^^^\x1b[0m" in out.getvalue()


LINES = st.text(st.sampled_from("a{} \t価\u0301\n\r\x00"), max_size=60)


@given(LINES, st.data(), st.integers(20, 60))
def test_any_range_of_any_text_is_shown_within_the_width(program: str, data: st.DataObject, width: int) -> None:
    start = data.draw(st.integers(0, len(program)))
    end = data.draw(st.integers(start, len(program)))
    place = data.draw(st.integers(0, len(program)))
    finding = Diagnostic("T0001", "m", Span(start, end), "", (Label(Span(place, place), ""),))
    rows = text.render(Source(program, "p"), [finding], width).splitlines()
    assert any("^" in row for row in rows)
    assert all(text_width(row) <= max(width, 26) + 1 for row in rows[2:])
