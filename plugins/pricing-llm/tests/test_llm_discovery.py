"""The plugin is found by its entry point, and being installed costs a host next to nothing."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import entry_points

import pytest

from pricing_dsl.plugin.manager import load

FUNCTIONS = {
    "openai_image_tokens",
    "claude_image_tokens",
    "gemini_audio_tokens",
    "gemini_video_tokens",
    "chars_as_tokens",
}


@pytest.fixture(autouse=True)
def _installed() -> None:
    names = {point.name for point in entry_points(group="pricing_dsl")}
    assert "llm" in names, "install it: pip install -e plugins/pricing-llm"


def test_it_is_found_by_its_entry_point() -> None:
    plugins = load(only={"llm"})
    assert [each for each in plugins.refused if each.plugin == "llm"] == []
    assert {name for name, each in plugins.functions.items() if each.plugin == "llm"} == FUNCTIONS
    assert {name for name, each in plugins.importers.items() if each.plugin == "llm"} == {"litellm", "genai-prices"}


def test_loading_it_reads_no_importer() -> None:
    code = "import pricing_llm, sys; sys.exit('pricing_llm.program' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
