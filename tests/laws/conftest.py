"""How many programs the laws are tried on: the same few in every run, or with `FUZZ=1` many new ones.

`FUZZ=1` tries fifty times as many, starting from a new seed; what it finds is kept in `.hypothesis` and tried first
from then on.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

EXAMPLES = 120
SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large]

settings.register_profile("laws", max_examples=EXAMPLES, derandomize=True, deadline=None, suppress_health_check=SLOW)
settings.register_profile("fuzz", max_examples=50 * EXAMPLES, deadline=None, suppress_health_check=SLOW)
settings.load_profile("fuzz" if os.environ.get("FUZZ") else "laws")
