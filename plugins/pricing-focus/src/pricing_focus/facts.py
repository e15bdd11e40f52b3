"""What FOCUS wants to know and no statement says: who sells, who pays, what the service is called.

A fact is looked for in the statement's own JSON, where a runtime may have put it, and then in the options of the
export. One about a service may be given for a single line, as `service.tokens`. What FOCUS requires and nobody gives is
an error that says how to give it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pricing_focus import FACTS
from pricing_focus.columns import SERVICE_CATEGORIES


class Facts:
    """The facts about one statement. Every method raises `ValueError` for what is missing or cannot be right."""

    def __init__(self, statement: Mapping[str, Any], options: Mapping[str, str]) -> None:
        self._statement = statement
        self._options = options
        unknown = sorted(name for name in options if name.split(".")[0] not in FACTS)
        if unknown:
            raise ValueError(f"the export `focus` knows no option `{unknown[0]}`; it knows {', '.join(FACTS)}")

    def may(self, name: str) -> str | None:
        """A fact, or `None` where nobody gives it."""
        value = self._statement.get(name, self._options.get(name))
        if value is not None and not isinstance(value, str):
            raise ValueError(f"{self.who} has a `{name}` that is no text")
        return value or None

    def must(self, name: str, line: str | None = None) -> str:
        """A fact that FOCUS requires, perhaps one about a line."""
        value = (line and self.may(f"{name}.{line}")) or self.may(name)
        if value is None:
            raise ValueError(f"{self.who} does not say {FACTS[name].split(';')[0]}: give `{name}` to the export")
        return value

    def account(self) -> str:
        """The id of the account that pays."""
        return self.may("billing_account") or self.may("customer") or self.must("billing_account")

    def category(self, line: str | None) -> str:
        """The category of the service of a line."""
        value = self.must("service_category", line)
        if value not in SERVICE_CATEGORIES:
            raise ValueError(f"`{value}` is no `ServiceCategory` of FOCUS; there are {', '.join(SERVICE_CATEGORIES)}")
        return value

    def was_bought(self, balance: str) -> bool:
        """Whether a balance is a commit that was paid for, or a credit that was given."""
        movement: Mapping[str, Any] = self._statement.get("balances", {}).get(balance, {})
        if "kind" in movement:
            return bool(movement["kind"] == "commit")
        if any(entry["commit"] == balance for entry in self._statement.get("invoiced", ())):
            return True
        if balance in self._names("commits"):
            return True
        if balance in self._names("credits"):
            return False
        raise ValueError(
            f"{self.who} does not say whether the balance `{balance}` was bought or given: "
            f"name it in `commits` or in `credits`"
        )

    def bought(self) -> list[str]:
        """The balances of the statement that are known to be commits, in its order."""
        return [
            name
            for name, movement in self._statement.get("balances", {}).items()
            if movement.get("kind") == "commit"
            or name in self._names("commits")
            or any(entry["commit"] == name for entry in self._statement.get("invoiced", ()))
        ]

    def _names(self, option: str) -> set[str]:
        return {name.strip() for name in (self.may(option) or "").split(",")}

    def tags(self) -> str | None:
        """The statement's tags as a JSON object of plain values."""
        tags = self._statement.get("tags")
        if tags is None:
            return None
        if not isinstance(tags, Mapping) or any(isinstance(value, dict | list) for value in tags.values()):
            raise ValueError(f"{self.who} has `tags` that are no mapping from names to plain values")
        return json.dumps(dict(tags), sort_keys=True, ensure_ascii=False)

    def instant(self, written: str) -> datetime:
        """An instant of a statement in UTC. A date is a midnight in the plan's time zone."""
        zone = self.may("timezone") or "UTC"
        try:
            local = datetime.fromisoformat(written)
            return (local if local.tzinfo else local.replace(tzinfo=ZoneInfo(zone))).astimezone(UTC)
        except ZoneInfoNotFoundError:
            raise ValueError(f"there is no time zone `{zone}`") from None

    @property
    def who(self) -> str:
        """The statement as messages name it."""
        period = self._statement.get("period")
        return f"the statement of `{self._statement['target']}`" + (f" from {period['from']}" if period else "")
