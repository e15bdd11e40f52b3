"""Every bound of the compiler and the evaluators, named once. Exceeding one is a diagnostic, never a crash."""

SOURCE_CHARACTERS_MAX = 4_000_000
"""Length of one program's text."""

NESTING_MAX = 64
"""Depth of braces and parentheses in a program."""

EXPRESSION_DEPTH_MAX = 150
"""Operators and calls inside one another in one expression; `a + b + c` counts two."""

DIAGNOSTICS_MAX = 200
"""Errors reported for one program; a last diagnostic says that there are more."""

DIGITS_MAX = 60
"""Digits of one number, in a program or in usage."""

NAME_CHARACTERS_MAX = 200
"""Length of one identifier."""

FILE_BYTES_MAX = 64_000_000
"""Size of one data file read by `rates ... from`."""

TABLE_ROWS_MAX = 500_000
"""Rows of one rate table, inline or from a file."""

CELLS_MAX = 1_000_000
"""Cells of usage in one evaluation."""

PLUGIN_LOAD_SECONDS_MAX = 10
"""How long one plugin may take to be imported and to say what it provides."""

UNIQUE_EXACT_MAX = 100_000
"""Different values that `unique` counts exactly per cell and period; beyond it the program must say `approximate`."""

PERCENTILE_VALUES_MAX = 100_000
"""Different values that `percentile` keeps per cell and period."""

TIME_WEIGHTED_INSTANTS_MAX = 500_000
"""Instants with a value that `time_weighted` keeps per cell and period."""

AGGREGATION_SECONDS_PER_MILLION_MAX = 60
"""What a million events may cost an aggregation to pass `pricing plugins verify`."""
