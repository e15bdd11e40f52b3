"""The log: one JSON object a line on standard error, or lines for a person.

Every request is a line, `event` "request"; at the level `warning` there is none for those that were answered as asked.
"""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import MutableMapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
import structlog

LEVELS: Final = {"info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}

_ENCODE: Final = msgspec.json.Encoder().encode
_log = structlog.get_logger("pricing.api")
_has_requests = True
_is_json = False


def configure(format_: str, level: str = "info") -> None:
    """Send structlog's events from `level` on to standard error in `json` or `console` form."""
    global _has_requests, _is_json
    _is_json = format_ == "json"
    _has_requests = level == "info"
    renderer = (
        structlog.processors.JSONRenderer(serializer=_text)
        if _is_json
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            plain_traceback,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=lambda *_: StandardError(),
    )


class StandardError:
    """Writes lines to what standard error is at that moment."""

    def msg(self, line: str) -> None:
        sys.stderr.write(line + "\n")
        sys.stderr.flush()

    info = warning = error = critical = msg


def ensure_configured() -> None:
    """What structlog does by itself prints the values of variables with an error: that must not happen here."""
    if not structlog.is_configured():
        configure("console")


def log_request(request_id: str, method: str, path: str, status: int, seconds: float, key_id: str | None) -> None:
    """The line of a request. As JSON it is written here: there are so many that a chain of processors would cost."""
    if not _has_requests and status < 500:
        return
    ms = round(seconds * 1_000, 2)
    if _is_json:
        now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        level = "info" if status < 500 else "error"
        line = {
            "event": "request", "id": request_id, "method": method, "path": path, "status": status, "ms": ms,
            "key": key_id, "level": level, "timestamp": now,
        }  # fmt: skip
        sys.stderr.write(_text(line) + "\n")
        sys.stderr.flush()
    else:
        say = _log.info if status < 500 else _log.error
        say("request", id=request_id, method=method, path=path, status=status, ms=ms, key=key_id)


def _text(document: Any, **_: Any) -> str:
    return _ENCODE(document).decode()


def plain_traceback(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Where an error came from as lines of code: no values of variables, for a secret may be among them."""
    if event.pop("exc_info", None):
        event["exception"] = traceback.format_exc()
    return event
