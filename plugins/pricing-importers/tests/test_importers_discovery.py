"""The plugin is found by its entry point, and being installed costs a host next to nothing."""

from __future__ import annotations

import subprocess
import sys

from pricing_dsl.plugin.manager import load


def test_it_is_found_by_its_entry_point() -> None:
    plugins = load(only={"importers"})
    assert [each for each in plugins.refused if each.plugin == "importers"] == []
    provided = {name for name, each in plugins.importers.items() if each.plugin == "importers"}
    assert provided == {"stripe", "lago", "openmeter", "orb"}


def test_loading_it_reads_no_importer() -> None:
    code = "import pricing_importers, sys; sys.exit('pricing_importers.reading' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
