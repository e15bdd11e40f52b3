"""The hot paths, answered without a router: a few operations make up nearly all requests, and theirs is known at once.

They are routes of the application too, which puts them into its document; a request that is not exactly one of them
goes there. What they raise becomes a problem in the same way.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api.problems import REFUSALS, response_of

Handler = Callable[[Request], Awaitable[Response]]


class Path(NamedTuple):
    """What the edge reads of a route."""

    path: str


class Hot:
    """An application whose `POST` operations in `handlers`, by path, are answered at once."""

    def __init__(self, app: FastAPI, handlers: Mapping[str, Handler]) -> None:
        self.app = app
        self.handlers = {path: (handler, Path(path)) for path, handler in handlers.items()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_hot = scope["type"] == "http" and scope["method"] == "POST" and not scope["query_string"]
        known = self.handlers.get(scope["path"]) if is_hot else None
        if known is None:
            await self.app(scope, receive, send)
            return
        handler, scope["route"] = known
        scope["app"] = self.app
        request = Request(scope, receive)
        try:
            response = await handler(request)
        except REFUSALS as error:
            response = response_of(error, str(scope.get("request_id", "")))
        await response(scope, receive, send)
