"""Settings by environment: `PRICING_DATABASE_URL` and friends. Only commands and the server read them."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """What a host decides. Every field is `PRICING_` and its name in capitals."""

    model_config = SettingsConfigDict(env_prefix="PRICING_", extra="ignore")

    database_url: str = Field(default="sqlite:///pricing.db", description="`sqlite:///FILE` or `postgresql://...`.")
    tenant: str = Field(default="default", description="The tenant that commands act for.")
