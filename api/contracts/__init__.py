"""Contracts: a program's terms bound to a customer."""
