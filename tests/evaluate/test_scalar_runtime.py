"""What generated code calls works on integers as the exact values do."""

from __future__ import annotations

import random
from decimal import Decimal
from fractions import Fraction

import pytest

from pricing_dsl.evaluate.scalar.free_units import FreeUnits, split_by
from pricing_dsl.evaluate.scalar.runtime import FinerScale, half_even, half_up, quantity_reader, shown_parts, spread
from pricing_dsl.evaluate.scalar.writing import Fallback
from pricing_dsl.values.rounding import round_ratio, share_out


def test_rounding_is_that_of_values() -> None:
    for value in range(-60, 60):
        for unit in (1, 2, 3, 4, 10):
            assert half_up(value, unit) == round_ratio(value, unit, "half_up")
            assert half_even(value, unit) == round_ratio(value, unit, "half_even")


def test_spreading_is_largest_remainder_over_what_is_positive() -> None:
    chance = random.Random(1)
    for _ in range(500):
        nets = [chance.choice([0, -5, chance.randrange(1, 1000)]) for _ in range(chance.randrange(1, 6))]
        tops = [chance.randrange(0, 500) for _ in range(chance.randrange(0, 3))]
        minor = chance.randrange(-300, 300) or 7
        names = tuple("abcdef"[: len(nets)])
        weights = [max(net, 0) for net in [*nets, *tops]]
        if not any(weights):
            weights = [1] * len(nets) + [0] * len(tops)
        expected = share_out(minor, weights)
        left_tops = list(tops)
        changed, *left = spread(minor, names, nets, left_tops)
        assert left == [net + share for net, share in zip(nets, expected, strict=False)]
        assert left_tops == [top + share for top, share in zip(tops, expected[len(nets) :], strict=True)]
        assert changed == tuple(
            (name, share) for name, share in zip(names, expected[: len(nets)], strict=True) if share
        )


def test_reading_quantities() -> None:
    read = quantity_reader(2000, 3)
    assert [read(v) for v in (3, "3", "0.125", "-1.5", Decimal("2.500"), Decimal("1E+2"))] == [
        6000, 6000, 250, -3000, 5000, 200_000,
    ]  # fmt: skip
    for odd in (1.5, True, None, "1e3", "x", "٣", Decimal("NaN"), Decimal("Infinity"), 10**60, Fraction(1, 2)):
        with pytest.raises(Fallback):
            read(odd)
    with pytest.raises(FinerScale) as finer:
        read("0.12345")
    assert finer.value.places == 5
    with pytest.raises(Fallback):
        read("0." + "0" * 35 + "1")


def test_free_units_in_order_and_pro_rata() -> None:
    cells = {"a": 50, "b": 30, "c": 20, "free": 100}
    ranks = {"a": (2,), "b": (1,), "c": (3,)}
    in_order = FreeUnits(lambda key, _: ranks.get(key), "in order")
    in_order.share(cells, 1, 60, 1)
    assert in_order.rest() == ({"a": 20, "b": 0, "c": 20, "free": 100}, 1)
    pro_rata = FreeUnits(lambda key, _: ranks.get(key), "pro rata")
    pro_rata.share(cells, 1, 37, 1)
    left, over = pro_rata.rest()
    assert {key: Fraction(quantity, over) for key, quantity in left.items()} == {
        "a": Fraction(50 * 63, 100), "b": Fraction(30 * 63, 100), "c": Fraction(20 * 63, 100), "free": 100,
    }  # fmt: skip


def test_free_units_of_a_tier_know_what_is_left() -> None:
    seen: list[Fraction] = []
    units = FreeUnits(lambda _, pooled: seen.append(pooled), "in order")
    units.share({"a": 5, "b": 10}, 2, 7, 4)
    assert seen == [Fraction(23, 4)] * 2


def test_cells_by_group() -> None:
    cells = {("eu", "x"): 1, ("us", "x"): 2, ("eu", "y"): 3}
    assert split_by(cells, (0,), 2) == {"eu": {("eu", "x"): 1, ("eu", "y"): 3}, "us": {("us", "x"): 2}}
    assert split_by({"eu": 1}, (0,), 1) == {"eu": {"eu": 1}}
    assert split_by({}, (), 2) == {(): {}}


def test_parts_add_up_to_their_line() -> None:
    sizes = dict.fromkeys("abcdef", 1) | {"e": 0, "f": 0}
    weights = {"b": 100, "a": 100, "c": 100, "d": 0, "e": 0}
    parts = shown_parts(weights, sizes, 101, 1, 1, 3, ("region",), 2)
    assert [(part.dimensions, part.minor) for part in parts] == [
        ((("region", "a"),), 34), ((("region", "b"),), 34), ((("region", "c"),), 33),
        ((("region", "d"),), 0),
    ]  # fmt: skip
