"""Settings of the server by environment: `PRICING_DATABASE_URL`, `PRICING_PORT` and friends."""

from __future__ import annotations

from pydantic import Field

from runtime.settings import Settings


class ServerSettings(Settings):
    """What a host decides of the server, beside what the runtime has."""

    host: str = Field(default="127.0.0.1", description="Where it listens.")
    port: int = Field(default=8420, ge=0, le=65_535, description="Its port; 0 for a free one.")
    requests_max: int = Field(default=64, ge=1, description="Requests in work at once; more are answered with 503.")
    body_bytes_max: int = Field(default=16_000_000, ge=1_024, description="Size of a request's body.")
    request_seconds_max: float = Field(default=30, gt=0, description="Time for one request; then it is answered 503.")
    requests_per_second: int = Field(default=1_000, ge=1, description="For each key, unless the key says otherwise.")
    log_format: str = Field(
        default="console", pattern="^(json|console)$", description="Lines for a person, or JSON objects."
    )
    log_level: str = Field(
        default="info",
        pattern="^(info|warning|error)$",
        description="`warning` leaves out the line of every request that was answered.",
    )
    first_key: bool = Field(
        default=True, description="Make a key when the tenant has none, and print it as the server starts."
    )
