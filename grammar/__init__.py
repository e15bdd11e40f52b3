"""The pricing language as text: its grammar, and the tables and keywords made from it.

`pricing.lark` is the one grammar. `python -m grammar` makes `tables` from it with Lark (see `generate`): the LALR(1)
tables, the terminals, the keywords. Reading a program needs `grammar.tables` only. Imports nothing of the project.
"""
