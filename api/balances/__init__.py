"""Balances: what commits and credits have left, with their ledger."""
