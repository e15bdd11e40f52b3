"""Statements as FOCUS 1.2 cost and usage data: `pricing export focus STATEMENT... -o costs.parquet`.

FOCUS is the FinOps Open Cost and Usage Specification (https://focus.finops.org/focus-specification/v1-2/). One row says
what one line, top-up, draw or invoiced commit costs; `BilledCost` adds up to what is due, to the cent. Of what FOCUS
wants, a statement says the costs; who sells, who pays and what the service is called is handed over beside it
(`FACTS`), and what nobody says is an error or null, never made up. Nothing but this module is imported before the first
export, so that an installed plugin costs nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from pricing_dsl.plugin import Exporter, hookimpl

PRICING_API = 1

FORMATS = ("parquet", "csv")
FACTS: Mapping[str, str] = MappingProxyType(
    {
        "provider": "who sells the service",
        "publisher": "who makes the service; the provider if left out",
        "invoice_issuer": "who writes the invoice; the provider if left out",
        "billing_account": "the id of the customer's account; the statement's `customer` if left out",
        "billing_account_name": "the name of that account",
        "sub_account": "the id of a part of that account",
        "sub_account_name": "the name of that part",
        "service": "the name of what is sold; `service.LINE` for one line",
        "service_category": "its category in FOCUS; `service_category.LINE` for one line",
        "invoice": "the number of the invoice",
        "timezone": "the time zone of the plan, in which periods written as dates begin; UTC if left out",
        "commits": "names of balances that the customer has bought, separated by commas",
        "credits": "names of balances that were given to the customer, separated by commas",
    }
)
"""What FOCUS wants to know beyond a statement: name of a fact -> what it is."""


def write(
    statements: Sequence[Mapping[str, Any]],
    format: str,  # noqa: A002 - the contract's word
    options: Mapping[str, str] = MappingProxyType({}),
) -> bytes:
    """The rows of all statements, in their order, as one file of `format`.

    `options` are the facts (`FACTS`) that the statements do not have. Raises `ValueError` with a sentence that
    says which statement lacks what, and how to give it.
    """
    from pricing_focus.files import written
    from pricing_focus.rows import rows_of

    return written(rows_of(statements, options), format)


EXPORTER = Exporter(
    name="focus",
    formats=FORMATS,
    write=write,
    options=tuple(FACTS),
    about="Cost and usage data as FOCUS 1.2 defines it: one row for each line, top-up, draw and invoiced commit.",
)


@hookimpl
def register_exporters() -> Sequence[Exporter]:
    return [EXPORTER]
