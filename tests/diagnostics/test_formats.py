"""JSON, SARIF and GitHub commands: the exact objects and lines that machines read."""

from __future__ import annotations

import re
from pathlib import Path

import jsonschema
import pytest

from pricing_dsl.diagnostics import codes, github, sarif
from pricing_dsl.diagnostics import json as json_format
from pricing_dsl.diagnostics.diagnostic import Diagnostic, Label
from pricing_dsl.source import Source, Span

PROGRAM = "unit token\nplan 価 {\n  price 0.25 per 1 GB\n}\n"
AT = PROGRAM.index("1 GB")
FINDING = Diagnostic(
    "N0106",
    "there is no unit `GB`: 100%, sure",
    Span(AT, AT + 4),
    "unknown unit",
    (Label(Span(5, 10), "the only unit"),),
    "write `per 1 token`",
)
WARNING = Diagnostic("W0107", "a plan over lines", Span(11, len(PROGRAM)))


@pytest.fixture
def source(monkeypatch: pytest.MonkeyPatch) -> Source:
    monkeypatch.setitem(codes.CODES, "W0107", "a title, with: signs")
    return Source(PROGRAM, "plans/a b,c:d.pricing")


def test_json_has_every_fact_of_a_finding(source: Source) -> None:
    assert json_format.to_objects(source, [FINDING]) == [
        {
            "code": "N0106",
            "severity": "error",
            "message": "there is no unit `GB`: 100%, sure",
            "file": "plans/a b,c:d.pricing",
            "start": {"line": 3, "column": 18, "offset": AT},
            "end": {"line": 3, "column": 22, "offset": AT + 4},
            "label": "unknown unit",
            "labels": [
                {
                    "message": "the only unit",
                    "start": {"line": 1, "column": 6, "offset": 5},
                    "end": {"line": 1, "column": 11, "offset": 10},
                }
            ],
            "help": "write `per 1 token`",
            "url": "docs/errors/N0106.md",
        }
    ]
    assert json_format.to_objects(source, []) == []


def test_github_escapes_messages_and_properties(source: Source) -> None:
    assert github.render(source, [FINDING, WARNING]).splitlines() == [
        "::error file=plans/a b%2Cc%3Ad.pricing,line=3,endLine=3,col=18,endColumn=22,title=N0106%3A unknown unit"
        "::there is no unit `GB`: 100%25, sure%0Awrite `per 1 token`",
        "::warning file=plans/a b%2Cc%3Ad.pricing,line=2,endLine=5,title=W0107%3A a title%2C with%3A signs"
        "::a plan over lines",
    ]


REGION = {
    "type": "object",
    "required": ["startLine", "startColumn", "endLine", "endColumn", "charOffset", "charLength"],
    "additionalProperties": False,
    "properties": {
        "startLine": {"type": "integer", "minimum": 1},
        "startColumn": {"type": "integer", "minimum": 1},
        "endLine": {"type": "integer", "minimum": 1},
        "endColumn": {"type": "integer", "minimum": 1},
        "charOffset": {"type": "integer", "minimum": 0},
        "charLength": {"type": "integer", "minimum": 0},
    },
}
MESSAGE = {"type": "object", "required": ["text"], "properties": {"text": {"type": "string", "minLength": 1}}}
LOCATION = {
    "type": "object",
    "required": ["physicalLocation"],
    "additionalProperties": False,
    "properties": {
        "id": {"type": "integer", "minimum": 0},
        "message": MESSAGE,
        "physicalLocation": {
            "type": "object",
            "required": ["artifactLocation", "region"],
            "additionalProperties": False,
            "properties": {
                "artifactLocation": {
                    "type": "object",
                    "required": ["uri"],
                    "properties": {"uri": {"type": "string", "pattern": r"^[A-Za-z0-9_./~%:@-]+$"}},
                },
                "region": REGION,
            },
        },
    },
}
SARIF_SUBSET = {
    "type": "object",
    "required": ["version", "runs"],
    "properties": {
        "version": {"const": "2.1.0"},
        "runs": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["tool", "results"],
                "additionalProperties": False,
                "properties": {
                    "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
                    "tool": {
                        "type": "object",
                        "required": ["driver"],
                        "properties": {
                            "driver": {
                                "type": "object",
                                "required": ["name", "rules"],
                                "properties": {
                                    "name": {"type": "string"},
                                    "semanticVersion": {"type": "string"},
                                    "rules": {
                                        "type": "array",
                                        "uniqueItems": True,
                                        "items": {
                                            "type": "object",
                                            "required": ["id", "shortDescription", "defaultConfiguration"],
                                            "properties": {
                                                "id": {"type": "string"},
                                                "shortDescription": MESSAGE,
                                                "help": MESSAGE,
                                                "defaultConfiguration": {
                                                    "properties": {"level": {"enum": ["warning", "error"]}}
                                                },
                                            },
                                        },
                                    },
                                },
                            }
                        },
                    },
                    "results": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "required": ["ruleId", "ruleIndex", "level", "message", "locations"],
                            "additionalProperties": False,
                            "properties": {
                                "ruleId": {"type": "string"},
                                "ruleIndex": {"type": "integer", "minimum": 0},
                                "level": {"enum": ["warning", "error"]},
                                "message": MESSAGE,
                                "locations": {"type": "array", "items": LOCATION, "minItems": 1},
                                "relatedLocations": {"type": "array", "items": LOCATION, "uniqueItems": True},
                            },
                        },
                    },
                },
            },
        },
    },
}
"""The part of the SARIF 2.1.0 schema that a log of ours uses, with the names and types of the standard."""


def test_sarif_follows_the_standard(source: Source) -> None:
    log = sarif.to_log([(source, (FINDING, WARNING)), (Source("", "/tmp/x y.pricing"), (FINDING,))], "1.2.3")
    jsonschema.Draft202012Validator(SARIF_SUBSET).validate(log)
    (run,) = log["runs"]
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["N0106", "W0107"]
    assert [rule["defaultConfiguration"]["level"] for rule in run["tool"]["driver"]["rules"]] == ["error", "warning"]
    assert [result["ruleIndex"] for result in run["results"]] == [0, 1, 0]
    first, second, third = run["results"]
    assert first["locations"] == [
        {
            "physicalLocation": {
                "artifactLocation": {"uri": "plans/a%20b%2Cc%3Ad.pricing"},
                "region": {
                    "startLine": 3,
                    "startColumn": 18,
                    "endLine": 3,
                    "endColumn": 22,
                    "charOffset": AT,
                    "charLength": 4,
                },
            },
            "message": {"text": "unknown unit"},
        }
    ]
    assert first["message"]["text"] == "there is no unit `GB`: 100%, sure\nwrite `per 1 token`"
    assert first["relatedLocations"][0]["message"]["text"] == "the only unit"
    assert "relatedLocations" not in second
    assert third["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "file:///tmp/x%20y.pricing"


def test_sarif_without_findings_is_a_run_without_results(source: Source) -> None:
    log = sarif.to_log([(source, ())], "1.2.3")
    jsonschema.Draft202012Validator(SARIF_SUBSET).validate(log)
    assert log["runs"][0]["results"] == []
    assert log["runs"][0]["tool"]["driver"]["rules"] == []


def test_codes_are_a_letter_and_four_digits_in_their_section_and_have_a_title() -> None:
    for code, title in codes.CODES.items():
        assert re.fullmatch(r"[SNTUDWRP]\d{4}", code), code
        assert title, code
        assert not title.endswith("."), code
        assert codes.page(code) == f"docs/errors/{code}.md"
    letters = [code[0] for code in codes.CODES]
    assert letters == sorted(letters, key=list(codes.SECTIONS).index), "codes stand in the sections of their letters"


def test_no_code_is_registered_twice() -> None:
    written = re.findall(r'^    "(\w\d{4})":', Path(codes.__file__).read_text(encoding="utf-8"), re.MULTILINE)
    assert len(written) == len(codes.CODES)
    assert len(set(written)) == len(written)


def test_every_code_that_the_source_gives_is_registered() -> None:
    package = Path(codes.__file__).parents[1]
    given = {
        code
        for path in package.rglob("*.py")
        if path.name != "codes.py"
        for code in re.findall(r'"([SNTUDWRP]\d{4})"', path.read_text(encoding="utf-8"))
    }
    assert given == set(codes.CODES)
