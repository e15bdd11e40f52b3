"""The version of the installed tool."""

from __future__ import annotations


def version() -> str:
    """The version of the package that is installed; "0" in a checkout that never was."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    try:
        return installed("pricing-dsl")
    except PackageNotFoundError:
        return "0"
