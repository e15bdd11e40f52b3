"""`GET /v1/plugins`: what this server was started with, and what was refused."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends

from api.schemas import Given, problems
from api.state import allowed
from pricing_dsl.plugin.manager import plugins

router = APIRouter(prefix="/v1/plugins", tags=["plugins"])


class Plugin(Given):
    name: str
    version: str
    hooks: list[str]
    provides: dict[str, list[str]]


class Plugins(Given):
    items: list[Plugin]
    refused: list[dict[str, Any]]


@router.get("", operation_id="listPlugins", responses=problems(), dependencies=[Depends(allowed("author"))])
def list_plugins() -> Plugins:
    """The plugins that are in, with what they provide, and those that were refused, with why."""
    found = plugins()
    return Plugins(
        items=[
            Plugin(
                name=each.name,
                version=each.version,
                hooks=list(each.hooks),
                provides={kind: list(names) for kind, names in each.provides.items()},
            )
            for each in found.loaded
        ],
        refused=[
            {"plugin": each.plugin, "version": each.version, "hook": each.hook, "reason": str(each), "help": each.help}
            for each in found.refused
        ],
    )
