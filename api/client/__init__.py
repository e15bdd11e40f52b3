"""Prints the typed Python client, `pricing_dsl/client.py`, from the OpenAPI document: `python -m api.client`.

Schemas become `TypedDict`s, operations methods; a test prints it again and compares. The client imports nothing of the
server, so that a program that calls one needs `pricing_dsl` and httpx alone.
"""
