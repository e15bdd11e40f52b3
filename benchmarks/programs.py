"""Programs of any length for the benchmarks: a meter, a table and a plan, again and again, as people lay them out."""

from __future__ import annotations

_HEAD = """\
currency USD

unit token | tokens
unit request | requests

"""

_PART = """\
# Product {n}: tokens by model and kind, requests in tiers.
meter tokens_{n} "Tokens {n}" {{
  from "llm.completion" where status == "ok" and product == "p{n}"
  measure by token_type {{
    input:  sum(input_tokens - cached_tokens)
    cached: sum(cached_tokens)
    output: sum(output_tokens)
  }}
  unit token
  by model, region
}}

meter requests_{n} {{ from "llm.completion" where product == "p{n}"  measure count()  unit request  by model }}

rates llm_{n} per 1M tokens by model, token_type {{
  model        | input | cached | output
  "gpt-5"      |  1.25 |  0.125 |  10.00
  "gpt-5-mini" |  0.25 |  0.025 |   2.00
  "claude-*"   |  3.00 |   0.30 |  15.00
  else         |  5.00 |   0.50 |  20.00
}}

plan plan_{n} "Product {n}" {{
  bill monthly
  fee platform "Platform fee" 499

  charge tokens "Tokens" on tokens_{n} {{
    price llm_{n}
    times region {{ eu: 1.1  else: 1 }}
    show by model
  }}

  charge requests "Requests" on requests_{n} {{
    include 100k
    graduated {{
      to 1M:  0.50 per 1k
      to 10M: 0.40 per 1k
      above:  0.25 per 1k
    }}
  }}

  charge support "Support" = 5% of (tokens + requests) {{ minimum 100 }}

  discount 10% on tokens above 10_000
  minimum 1_000 as floor
}}

"""


def program_of(lines: int) -> str:
    """A program of about `lines` lines that checks without errors."""
    parts = max((lines - _HEAD.count("\n")) // _PART.count("\n"), 1)
    return _HEAD + "".join(_PART.format(n=n) for n in range(parts))
