"""Programs that together have every step of the language, with the values their dimensions take.

Each is one plan `p`. The tests price random usage under them with both evaluators; `reaches` are constructs of the IR
that a program is there for.
"""

from __future__ import annotations

METERS = """
currency USD
unit call | calls
meter tokens { from "t" measure sum(amount) unit call by model, region, kind }
meter requests { from "r" measure sum(amount) unit call by region }
meter storage { from "s" measure sum(amount) unit call by region }
meter seats { from "u" measure max(level) carried }
meter users { from "v" measure unique(user) by region }
meter sales { from "x" measure sum(amount) unit USD by region }
rates llm per 1k by model, kind {
  model | "input" | "output"
  "gpt-5" | 1.25 | 10
  "gpt-*" | 0.25 | 2
  "embed" | free | free
  else | 5 | -
}
rates blocks per started 100 by model { model | price
  "gpt-5" | 5
  else | 3 }
rates low by region { region | value
  "eu" | 0.5
  else | 1.5 }
rates cents by region { region | value
  "eu" | 0.8
  else | 1 }
rates cut by region { region | value
  "eu" | 10%
  else | 0 }
curve ladder graduated { to 10: free  to 100: 0.25  above: 0.1 }
quantity weighted on tokens { weigh kind { "output": 4  else: 1 } }
quantity mixed = requests + 2.5 * storage
quantity allowance on requests { each region  at most 300  total  at most 1000 }
quantity busiest on requests { each region  largest }
quantity twice = max(requests, storage)
"""

DIMENSIONS = {
    "model": ("gpt-5", "gpt-5-mini", "embed"),
    "region": ("eu", "us", "ap"),
    "kind": ("input", "output"),
}
BY = {
    "tokens": ("model", "region", "kind"),
    "requests": ("region",),
    "storage": ("region",),
    "seats": (),
    "users": ("region",),
    "sales": ("region",),
}

PLANS = {
    "table, factors and conditions": """
  charge tokens on tokens { price llm times region { "eu": 1.2  else: 1 } when kind == "output" markup 3% margin 20% }
  charge cheap on tokens { where kind in ("input") and not model like "gpt-*" else free price 0.01 discount 5% }""",
    "graduated": """
  charge a on requests { graduated { to 100: 0.5 minimum 20  below 500: flat 7  to 900: 0.25 per started 7
    above: 0.1 maximum 400 } }
  charge b on storage { graduated { to 0.5: ladder plus 2 even at zero  above: ladder } }""",
    "graduated with tables": """
  charge a on requests { each region graduated { to 100: low  above: cents minimum 3 } times low }""",
    "volume": """
  charge a on requests { volume { to 100: 1  below 400: flat 50  to 900: 0.5 plus 3
    minimum 20 maximum 300  above: ladder } }
  charge b on storage { volume { to 0: flat 9 even at zero  above: 1 } }
  charge c on requests { volume on storage { to 200: 2  above: flat 5 } }""",
    "volume by cell": """
  charge a on requests { volume { to 1000: low  above: cents } times low }
  charge b on requests { volume on storage { to 300: low  above: 1 } minimum 0.1 }
  charge c on tokens { each kind volume { to 900: 0.1  above: low } each region plus 1 total round half_up to 0.05 }""",
    "packages": """
  charge a on requests { price 5 per started 100 }
  charge b on storage { price 2 per full 30 minimum 1 per 10 }
  charge c on tokens { price blocks times model { "gpt-5": 2  else: 1 } discount 10% above 5 up to 3 }""",
    "quantity steps": """
  charge a on requests { include 100 round up to 50 at least 200 at most 2000 price 0.25 }
  charge b on requests { each region include 3 * storage at most requests price 1 total }
  charge c on requests { each region include 10 when region == "eu"
    round half_up to 3 graduated { to 50: 1  above: 0.5 } }
  charge d on tokens { weigh kind { "output": 4  else: 0.5 } weigh low when region != "us" include 12.5 price 0.07 }""",
    "groups": """
  charge a on requests { each region price 0.333 minimum 50 }
  charge b on requests { each region price 0.333 minimum 50 total plus 7 maximum 500 }
  charge c on tokens { each model, region price 0.01 maximum 6 when region == "eu" largest minimum 2 }
  charge d on requests { each region at least 20 total round down to 7 price 1 }
  charge e on requests { each region largest price 1 }""",
    "match of cells": """
  charge a on tokens { match model { "gpt-5" { price 0.5 times low }
    "gpt-*" { where kind == "input" else free price 0.1 }
    else { price free } } times 2 discount cut minimum 10 }""",
    "match of pools": """
  charge a on tokens { match region { "eu" { include 100 price 0.5 minimum 3 } "u*" { each model graduated { to 50: 1
    above: 0.5 } total plus 1 } else { price llm } } discount 50 above 100 plus 3 }
  charge b on requests { each region include 10 match region { "eu" { graduated { to 50: 1 above: 0.5 } }
    else { price 2 } }
    minimum 40 total }
  charge c on tokens { match kind { input { each region volume { to 400: 1  above: 0.5 } } else { price low } }
    times region { "eu": 2  else: 1 } }""",
    "free units across cells": """
  charge a on tokens { include 100 across cells cheapest first price llm times region { "eu": 2  else: 1 } }
  charge b on tokens { include 100 across cells dearest first price llm }
  charge c on tokens { each region include 2 * storage across cells in order price llm minimum 4 total }
  charge d on tokens { include 333 across cells pro rata price llm times 2 when kind == "input" }
  charge e on tokens { each region include 70 across cells pro rata
    match model { "gpt-5" { price 1 } else { price 0.5 } } }
  charge f on requests { include 150 across cells cheapest first volume { to 300: low  above: cents } }""",
    "discounts of sums": """
  charge a on requests { price 1 discount graduated { above 100: 5%  above 500: 12.5% } }
  charge b on requests { price 1 discount 25 above 400 prorated by day }
  charge c on requests { each region price 1 discount 10% above 20 up to 9 prorated by second total discount 3.333 }
  charge d on requests { price 1 discount graduated { above 10: 100% } plus 0.5 }""",
    "quantities": """
  charge a on weighted { graduated { to 1000: 0.01  above: 0.007 } }
  charge b on mixed { price low minimum 5 }
  charge c on requests { include allowance price 0.2 }
  charge d on busiest { price 0.5 }
  charge e on twice { volume { to 500: 1  above: 0.9 } }
  charge f on tokens { include 4 * busiest price 0.01 }""",
    "derived": """
  fee base 49.99
  charge a on requests { price 0.333 }
  charge b = 5% of (a + base) { minimum 3 }
  charge c = if a > 100 then a / max(1, quantity(requests)) * 100 else min(a, 10) - 2.5
  charge d = a + b { graduated { to 100: 10%  to 200: 7%  above: 5% } }
  charge f = a + 1 { volume on storage { to 0.5: 10%  below 100.25: 7% plus 1  above: flat 5 } }
  charge e = a / (b + 1) { times 3 plus 0.01 round up to 0.1 prorate by day }""",
    "proration": """
  fee f 10 prorated by day
  fee g 12 once
  charge a on requests { include 100 prorated by day price 1 prorate by second minimum 77 prorated by day }
  charge b on storage { price 1 plus 10 prorated by second maximum 40 prorated by day }
  discount 20 prorated by day
  minimum 500 prorated by second as floor""",
    "money": """
  charge a on sales { price 2.9% }
  charge b on sales { graduated { to 500: 3%  above: 2%  } }
  charge c on seats { price 19.99 }
  charge d on users { each region price 5 total }""",
    "show by": """
  charge a on tokens { price llm show by model, kind }
  charge b on tokens { price llm times low show by region discount 7 above 1 minimum 30 }
  charge c on requests { each region graduated { to 100: 1  above: 0.3 } show by region }
  charge d on tokens { volume { to 300: low  above: cents } show by kind times 1.01 }""",
    "adjustments on lines": """
  round half_even
  charge a on requests { price 0.333 }
  charge b on storage { price 0.777 }
  charge c on seats { price 3.05 }
  discount 10% on a, b above 30 up to 20.5 as first
  discount graduated { above 50: 5%  above 100: 8% } on all except c
  minimum 40 on c
  maximum 90.005 on a
  discount 12.345
  minimum 250
  discount 3%
  maximum 200 as cap""",
    "negative prices": """
  charge a on requests { price -0.05 plus 3 }
  charge b on storage { price 0.5 minimum 1 }
  discount 10%
  minimum 2 on a
  maximum 100""",
    "mirror": """
  charge a on requests { mirror price 0.5 plus 1 }
  charge b on requests { each region mirror graduated { to 50: 1  above: 0.5 } total }
  charge c on storage { at least 0 price 1 }""",
}

REJECTING = """
  charge a on tokens { price llm }
  charge b on requests { graduated { to 100: 1  above: reject } }"""
"""Usage of `embed` ... `output` beyond the table, and of many requests, is unpriced."""


def program(items: str) -> str:
    """The text of a program with one plan `p`."""
    return f"{METERS}\nplan p {{{items}\n}}\n"
