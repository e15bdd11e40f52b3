"""`python -m grammar` writes `grammar/tables.py` anew from `grammar/pricing.lark`."""

from grammar.generate import TABLES_FILE, generate_tables

TABLES_FILE.write_text(generate_tables(), encoding="utf-8")
