"""docs/plugins/reference.md is what the hookspecs and the contract types say, all of them.

`UPDATE_DOCS=1 pytest tests/plugins/test_reference.py` writes it anew.
"""

from __future__ import annotations

import os
import re
from dataclasses import fields

from pricing_dsl import plugin
from pricing_dsl.plugin.loading import HOOKS
from tests.docs.blocks import ROOT
from tests.plugins.reference import CONTRACT, page

PAGE = ROOT / "docs/plugins/reference.md"


def test_the_page_is_what_the_code_says() -> None:
    if os.environ.get("UPDATE_DOCS"):
        PAGE.write_text(page(), encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == page()


def test_the_page_is_complete() -> None:
    """Every hook with its arguments, every type with every field, every public name."""
    text = PAGE.read_text(encoding="utf-8")
    sections = dict(re.findall(r"^### (\w+)\n(.*?)(?=^##|\Z)", text, re.MULTILINE | re.DOTALL))
    assert set(sections) == {*HOOKS, *CONTRACT}
    assert {"register_aggregations", "register_commands", "statement_finalised", "usage_rejected"} <= set(HOOKS)
    for name in CONTRACT:
        for field in fields(getattr(plugin, name)):
            assert f"    {field.name}: " in sections[name]
    for name in plugin.__all__:
        assert f"`{name}`" in text or f"### {name}\n" in text


def test_every_section_says_something() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for name, body in re.findall(r"^### (\w+)\n(.*?)(?=^##|\Z)", text, re.MULTILINE | re.DOTALL):
        words = re.sub(r"```.*?```", "", body, flags=re.DOTALL).strip()
        assert len(words) > 30, name
