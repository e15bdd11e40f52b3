"""Plugin of pricing-dsl: `pricing import stripe|lago|openmeter|orb FILE` makes a program of another system's prices.

Each importer reads the JSON that the system's API gives, writes one program, and lists every field that the program
does not carry, with its JSON pointer and the reason. The readers are loaded when they are first asked for.
"""

from __future__ import annotations

from collections.abc import Sequence

from pricing_dsl.plugin import Imported, Importer, hookimpl

PRICING_API = 1

__all__ = ["PRICING_API", "read_lago", "read_openmeter", "read_orb", "read_stripe", "register_importers"]


def read_stripe(data: bytes) -> Imported:
    """Price objects of Stripe, one or a list of them, as a program."""
    from pricing_importers.stripe import read

    return read(data)


def read_lago(data: bytes) -> Imported:
    """Plans of Lago, with their billable metrics where the file has them, as a program."""
    from pricing_importers.lago import read

    return read(data)


def read_openmeter(data: bytes) -> Imported:
    """Plans of OpenMeter, with their meters' features named, as a program."""
    from pricing_importers.openmeter import read

    return read(data)


def read_orb(data: bytes) -> Imported:
    """Prices of Orb, one, a list of them or those of a plan, as a program."""
    from pricing_importers.orb import read

    return read(data)


@hookimpl
def register_importers() -> Sequence[Importer]:
    """The four importers."""
    return (
        Importer("stripe", (".json",), read_stripe, "Price objects of Stripe, or a list of them."),
        Importer("lago", (".json",), read_lago, "Plans of Lago, and the billable metrics they charge for."),
        Importer("openmeter", (".json",), read_openmeter, "Plans of OpenMeter with their phases and rate cards."),
        Importer("orb", (".json",), read_orb, "Prices of Orb, or a plan with its prices."),
    )
