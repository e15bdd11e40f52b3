"""The built-in aggregations: commutative monoids of exact states, each with its form in bytes.

They come to the checker and to metering through the same hook as those of any plugin, and pass the same kit. What each
means is language reference, section 3, and rules 3 and 16; the modules say how it is kept: `totals` (sum, count, mean),
`levels` (max, min, last), `timed` (time_weighted), `distinct` (unique), `ranked` (percentile). An exact state that
outgrows its named limit raises `LimitError`, whose `help` says what to write; nothing is approximated unless that is
asked for, and what approximates has `error_bound`, its relative error.
"""

from pricing_dsl.plugin.aggregations.distinct import UNIQUE
from pricing_dsl.plugin.aggregations.levels import LAST, MAX, MIN
from pricing_dsl.plugin.aggregations.ranked import PERCENTILE
from pricing_dsl.plugin.aggregations.refusal import LimitError
from pricing_dsl.plugin.aggregations.timed import TIME_WEIGHTED
from pricing_dsl.plugin.aggregations.totals import COUNT, MEAN, SUM

BUILT_IN = (SUM, COUNT, MAX, MIN, LAST, MEAN, UNIQUE, TIME_WEIGHTED, PERCENTILE)
"""In the order in which they are listed."""

__all__ = ["BUILT_IN", "LimitError"]
