"""Examples of bodies for the document, by operation. They belong together: in this order they all succeed."""

from __future__ import annotations

from typing import Any, Final

PROGRAM: Final = """currency USD
meter calls { from "api.request"  measure count() }
plan basic { charge calls on calls { include 1_000  price 0.01 } }
contract acme { customer "cus_acme"  plan basic  term 2026-01-01 to 2027-01-01 }
"""
DEARER: Final = PROGRAM.replace("0.01", "0.02")
JANUARY: Final = {"from": "2026-01-01", "to": "2026-02-01"}
MARCH: Final = {"from": "2026-03-01", "to": "2026-04-01"}

BODIES: Final[dict[str, Any]] = {
    "checkProgram": {"source": PROGRAM, "name": "api.pricing"},
    "formatProgram": {"source": PROGRAM},
    "publishProgram": {"source": PROGRAM},
    "bindContract": {"program": "api", "contract": "acme"},
    "ingestEvents": [
        {
            "id": "req_81f0",
            "source": "gateway-1",
            "type": "api.request",
            "subject": "cus_acme",
            "time": "2026-03-02T06:00:00Z",
            "data": {"region": "eu"},
        }
    ],
    "preview": {"customer": "cus_acme", "period": MARCH, "usage": {"calls": "120000"}, "explain": False},
    "previewIncrement": {
        "customer": "cus_acme", "period": MARCH, "usage": {"calls": "120000"}, "add": {"calls": "500"}
    },
    "previewBatch": {
        "previews": [
            {"customer": "cus_acme", "period": MARCH},
            {"inline": {"source": DEARER}, "on": "basic", "usage": {"calls": "120000"}},
        ]
    },
    "finaliseStatement": {"customer": "cus_acme", "period": JANUARY},
    "finaliseStatements": {"period": JANUARY},
    "startBacktest": {
        "before": {"program": {"name": "api"}}, "after": {"inline": {"source": DEARER}}, "periods": [MARCH]
    },
    "createKey": {"name": "billing service", "scopes": ["finance", "preview"], "expires_at": "2027-01-01T00:00Z"},
    "rotateKey": {"grace_seconds": 3600},
}  # fmt: skip
"""By `operationId`."""
