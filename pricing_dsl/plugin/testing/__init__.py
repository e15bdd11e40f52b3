"""The kit that proves a plugin: the laws of all that it provides, on drawn examples, with the smallest that fails.

In an author's own tests:

    from pricing_dsl.plugin.testing import assert_plugin
    import my_plugin

    def test_my_plugin_keeps_the_laws() -> None:
        assert_plugin(my_plugin)

and for an installed plugin `pricing plugins verify NAME`. A `verify_...` function returns the problems of one thing:
which law, the smallest example, and what to mend. Needs Hypothesis (`pip install hypothesis`), imported when it runs.
"""

from pricing_dsl.plugin.testing.aggregations import verify_aggregation
from pricing_dsl.plugin.testing.functions import verify_function
from pricing_dsl.plugin.testing.others import verify_exporter, verify_importer, verify_lint
from pricing_dsl.plugin.testing.plugin import assert_plugin, verify_plugin
from pricing_dsl.plugin.testing.problem import Check, KitError, Problem, Report
from pricing_dsl.plugin.testing.shapes import verify_price_shape

__all__ = [
    "Check",
    "KitError",
    "Problem",
    "Report",
    "assert_plugin",
    "verify_aggregation",
    "verify_exporter",
    "verify_function",
    "verify_importer",
    "verify_lint",
    "verify_plugin",
    "verify_price_shape",
]
