"""`python -m api.client`: print the client anew."""

from __future__ import annotations

from pathlib import Path

import pricing_dsl
from api.app import routes
from api.client.generate import printed
from api.settings import ServerSettings
from api.state import State
from runtime.store.database import Database

TARGET = Path(pricing_dsl.__file__).parent / "client.py"


def source() -> str:
    """The client as the application's document has it."""
    return printed(routes(State(ServerSettings(), Database.open("sqlite://"))).openapi())


if __name__ == "__main__":
    TARGET.write_text(source(), encoding="utf-8")
