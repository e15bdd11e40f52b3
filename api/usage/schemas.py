from __future__ import annotations

from typing import Any

from api.schemas import Given


class StoredUsage(Given):
    """Usage of a period as previews take it: by meter for one segment, or a list of segments where it is cut."""

    customer: str
    contract: str
    period: dict[str, str]
    usage: Any
