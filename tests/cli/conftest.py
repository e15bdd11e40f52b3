"""What the tests of the command line share: a folder to work in, and `pricing` called inside this process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from pricing_dsl.cli.app import app

SHOP = """currency USD

unit call | calls
unit GB

meter calls "API calls" { from "api.request"  measure count()  unit call  by region }
meter egress { from "net.sampled"  measure sum(gb)  unit GB }

rates by_region per 1k calls by region {
  region | price
  "eu"   |  2.20
  "us"   |  2.00
}

plan starter "Starter" {
  fee base "Base fee" 29
  charge calls "API calls" on calls { price by_region  show by region }
  discount 10% on calls above 100 as loyalty
}

plan tiered {
  charge calls on calls {
    include 10_000
    graduated { to 100k: 2.00 per 1k  above: 1.50 per 1k }
  }
  charge egress on egress { price 0.05 per GB }
}

example "two regions" on starter {
  calls[region: "eu"] = 100_000
  calls[region: "us"] = 50_000
  expect calls = 320.00
  expect total = 327.00
}
"""

WRONG = """currency USD

unit call | calls
unit GB

meter calls { from "api.request"  measure count()  unit call }

plan starter { charge calls on calls { price 0.09 per GB } }
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that is the current one, with two programs in it, and a page of 100 columns without colours."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("NO_COLOR", "1")
    (tmp_path / "shop.pricing").write_text(SHOP)
    (tmp_path / "wrong.pricing").write_text(WRONG)
    return tmp_path


Pricing = Callable[..., Result]


@pytest.fixture
def pricing(folder: Path) -> Pricing:  # noqa: ARG001 - the folder is where the calls work
    """Call `pricing` with these words; an exception that is not an exit fails the test."""

    def call(*words: str, stdin: str | bytes | None = None) -> Result:
        result = CliRunner().invoke(app, list(words), input=stdin)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return call
