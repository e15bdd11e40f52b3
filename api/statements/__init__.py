"""Statements: periods finalised, listed, replayed."""
