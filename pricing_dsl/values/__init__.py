"""Values of billing that stand alone: exact numbers and their text, rounding, currencies, periods.

Pure functions on `int`, `Fraction` and `datetime`; imports nothing of the project.
"""
