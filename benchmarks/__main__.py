"""`python -m benchmarks [NAME ...]`: run the benchmarks of this folder and print their ratios."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

HELPERS = {"__init__", "__main__", "timing"}


def main(names: list[str]) -> None:
    """Run the named benchmarks, or all."""
    found = sorted(path.stem for path in Path(__file__).parent.glob("*.py") if path.stem not in HELPERS)
    unknown = [name for name in names if name not in found]
    if unknown:
        sys.exit(f"there is no benchmark {unknown[0]}; there are: {', '.join(found)}")
    for name in names or found:
        run = getattr(import_module(f"benchmarks.{name}"), "run", None)
        if run is not None:
            print(f"{name}:")
            for ratio in run():
                print(f"  {ratio}")


main(sys.argv[1:])
