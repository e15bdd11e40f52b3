"""Vectors of credits, wallets and invoices within a service period, said as contracts.

A wallet, a grant and a coupon that lasts are balances of contract `c` on plan `p`: they pay lines in the order of
priority, end and text, and what they pay lowers what is due, never the total. A function returns None where the
language cannot say the vector.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

from tests.conformance.peers.case import Case, Vector, closing, drawn, due, states, total
from tests.conformance.peers.words import plan

YEAR = ("2026-01-01", "2027-01-01")
JANUARY = ("2026-01-01", "2026-02-01")


def money(cents: str) -> str:
    """Cents as a literal in dollars."""
    return format(Decimal(cents).scaleb(-2), "f")


def agreed(program: str, *items: str, term: tuple[str, str] = YEAR) -> str:
    """The program with a contract `c` on its plan `p`."""
    body = "\n".join(f"  {item}" for item in items)
    return f"{program}contract c {{\n  plan p\n  term {term[0]} to {term[1]}\n{body}\n}}\n"


def credit(name: str, amount: str, *clauses: str) -> str:
    return f"credit {name} {amount} {{ {'  '.join(clauses)} }}"


def partly_used_coupon(v: Vector) -> Case:
    """A coupon of 12 cents of which 6 are used: a credit that opens with the other 6."""
    params, usage = v["params"], v["usage"]
    program = agreed(
        plan(f"fee base {money(usage['base_amount_cents'])}"), f"credit coupon {money(params['coupon_fixed_cents'])}"
    )
    left = money(str(int(params["coupon_fixed_cents"]) - int(params["already_used_cents"])))
    check = states(drawn("coupon"), v["expect"]["amount"])
    # Its grant lies in January, so what it opens February with is what January left.
    return Case(program, ({},), (check,), ("2026-02-01", "2026-03-01"), target="c", balances={"coupon": left})


def wallets(v: Vector) -> Case | None:
    """Wallets over fees that a type of fee, or one metric, may limit; they pay amounts with their tax."""
    usage, expect = v["usage"], v["expect"]
    fees = typed_fees(usage["fees"])
    items = []
    for wallet in v["params"]["wallets"]:
        types = wallet.get("fee_types")
        covered = [f"f{n}" for n, (kind, _) in enumerate(fees, start=1) if types is None or kind in types]
        if "limited_to" in wallet:
            covered = ["f" + wallet["limited_to"].rsplit(" ", 1)[1]]
        clauses = [f"priority {wallet['priority']}"] if "priority" in wallet else []
        if len(covered) < len(fees):
            clauses.append(f"covers {', '.join(covered)}")
        if covered:
            items.append(credit(identifier(wallet["name"]), money(wallet["balance_cents"]), *clauses))
    checks = [states(drawn(), expect["amount"]), states(total, money(usage["invoice_total_cents"]), "invoice")]
    for name, cents in expect.get("wallet_debits_cents", {}).items():
        checks.append(states(drawn(identifier(name)), money(cents), name))
    lines = [f"charge f{number} = {amount}" for number, (_, amount) in enumerate(fees, start=1)]
    return Case(agreed(plan(*lines), *items), ({},), tuple(checks), JANUARY, target="c")


def identifier(name: str) -> str:
    return name.replace(" ", "_")


def typed_fees(fees: list[dict[str, str]] | str) -> list[tuple[str, str]]:
    """The type and the amount with tax, in dollars, of each fee; ten that are alike are told in words."""
    if isinstance(fees, str):
        assert fees == "10 fees of 60 cents + 8.456 tax each"
        return [("charge", money("68.456"))] * 10
    return [(fee.get("type", "charge"), with_tax(fee)) for fee in fees]


def with_tax(fee: Mapping[str, str]) -> str:
    return money(str(Decimal(fee["amount_cents"]) + Decimal(fee.get("tax_cents", "0"))))


def in_order(v: Vector) -> Case:
    """Prepaid credits pay usage, not fixed lines, one after the other."""
    usage, expect = v["usage"], v["expect"]
    fixed = usage.get("line_type") == "fixed"
    line = f"fee x {usage['line_amount']}" if fixed else f"charge x = {usage['line_amount']}"
    # A plan with a line of usage beside it: what credits cover is said by naming it.
    program = plan(line, "charge metered on usage { price 1 }")
    names = [f"c{number}" for number in range(len(v["params"]["wallets"]))]
    covered = "metered" if fixed else "metered, x"
    items = [
        credit(name, amount, f"covers {covered}") for name, amount in zip(names, v["params"]["wallets"], strict=True)
    ]
    checks = [states(drawn(), expect["amount"])]
    for name, amount in zip(names, expect["debits"], strict=False):
        checks.append(states(drawn(name), amount, name))
    return Case(agreed(program, *items), ({},), tuple(checks), JANUARY, target="c")


GRANTS = {
    # Both take effect at t1; the one that ends after 30 days is burnt first.
    "openmeter-credit-011": (
        "credit g2 100 calls { priority 1 }",
        "credit g1 100 calls { priority 1  valid 2024-01-01 to 2024-01-31 }",
    ),
    # What recurs weekly from t1+3d is written out: the grant of t1+1d ends there, and the next outlives the run.
    "openmeter-credit-015": (
        "credit g1 100 calls { priority 3  valid 2023-12-31 to 2024-01-30 }",
        "credit g2_first 100 calls { priority 1  valid 2024-01-02 to 2024-01-04 }",
        "credit g2 100 calls { priority 1  valid 2024-01-04 to 2024-02-01 }",
    ),
    # What recurs daily is written out too. The grant of the next day is read half a day after it began: a closing
    # balance is what is left at the instant before.
    "openmeter-credit-020": (
        "credit g1_first 100 calls { priority 1  valid 2024-01-01 to 2024-01-02 }",
        "credit g1 100 calls { priority 1  valid 2024-01-02 to 2024-01-03 }",
    ),
}
RUNS: dict[str, tuple[int, tuple[int, ...], tuple[str, str]]] = {
    "openmeter-credit-011": (24, (), ("2024-01-01", "2123-12-31")),
    "openmeter-credit-015": (240, (24, 72), ("2023-12-31", "2024-12-31")),
    "openmeter-credit-020": (36, (24,), ("2024-01-01", "2024-01-31")),
}
"""How many hours from t1 are run, the hours at which a grant begins or ends within them, and the term."""

T1 = datetime(2024, 1, 1)  # noqa: DTZ001 - the sources' own instant, in UTC as contracts are


def grants(v: Vector) -> Case | None:
    """Grants in units, burnt by events; usage lies in the segment in which it happened."""
    if v["id"] not in GRANTS:
        return None
    hours, cut_after, term = RUNS[v["id"]]
    cuts = [T1 + timedelta(hours=hour) for hour in (0, *cut_after, hours)]
    events = [(event_time(at), Decimal(quantity)) for at, quantity in v["usage"]["events"]]
    usage = [
        {
            "from": instant_text(start),
            "to": instant_text(end),
            "usage": {"calls": str(sum((q for at, q in events if start <= at < end), Decimal(0)))},
        }
        for start, end in pairwise(cuts)
    ]
    meter = 'unit call | calls\nmeter calls { from "call"  measure sum(n)  unit call }'
    program = plan("charge x on calls { price 1 }", meters=(meter,))
    checks = tuple(states(closing(name), left, name) for name, left in v["expect"]["balances"].items())
    opening: dict[str, Any] = {"g1": v["params"]["starting_balances"]["g1"]} if v["id"].endswith("015") else {}
    bounds = (instant_text(cuts[0]), instant_text(cuts[-1]))
    whole = usage[0]["usage"] if len(usage) == 1 else usage
    return Case(agreed(program, *GRANTS[v["id"]], term=term), (whole,), checks, bounds, target="c", balances=opening)


def instant_text(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%MZ}"


def event_time(text: str) -> datetime:
    """`t1+1d-1s` as an instant."""
    at, rest = T1, text.removeprefix("t1")
    units = {"d": timedelta(days=1), "h": timedelta(hours=1), "s": timedelta(seconds=1)}
    while rest:
        sign, end = (1 if rest[0] == "+" else -1), next(i for i, c in enumerate(rest) if c in units)
        at += sign * int(rest[1:end]) * units[rest[end]]
        rest = rest[end + 1 :]
    return at


def paid_by_credits(v: Vector, program: str) -> Case:
    """Credits pay the line, a minimum included."""
    items = [credit(f"c{number}", amount) for number, amount in enumerate(v["params"]["credits"])]
    lines = v["expect"]["lines"]
    checks = (
        states(due, v["expect"]["amount"]),
        states(total, str(sum(Decimal(line["total"]) + Decimal(line["credits"]) for line in lines)), "before credits"),
        states(drawn(), str(sum(Decimal(line["credits"]) for line in lines)), "credits"),
    )
    return Case(agreed(program, *items), ({"usage": v["usage"]["quantity"]},), checks, JANUARY, target="c")


MIDDLE = ("2026-01-10", "2026-01-11")
"""A bill within the month of a fee or a minimum, neither its first nor its last."""


def middle_of_a_fee(v: Vector) -> Case:
    """Bills within the fee's service period: in advance it is on the first, in arrears on the last."""
    timing = "in advance" if v["params"]["payment_term"] == "in_advance" else "in arrears"
    program = agreed(plan("bill daily", f"fee x {v['params']['amount']} monthly {timing}"))
    return Case(program, ({},), (states(total, v["expect"]["amount"]),), MIDDLE, target="c")


def middle_of_a_minimum(v: Vector, program: str | None) -> Case:
    """A minimum of the month over shorter bills is a postpaid commit: its true-up waits for the end."""
    assert program is not None
    program = program.replace("plan p {", "plan p {\n  bill daily")
    floor = f"commit floor {v['params']['minimum_amount']} postpaid monthly"
    check = states(total, v["expect"]["amount"])
    return Case(agreed(program, floor), ({"usage": v["usage"]["quantity"]},), (check,), MIDDLE, target="c")


FAMILIES: dict[str, Callable[[Vector], Case | None]] = {
    "flexprice-credit": in_order,
    "lago-wallet": wallets,
    "openmeter-credit": grants,
}
