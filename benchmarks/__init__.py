"""Benchmarks: ratios of two sides timed alternately in one run, never bare times of one machine.

`python -m benchmarks` runs every module of this folder that has `run() -> list[Ratio]`; `timing` measures.
"""
