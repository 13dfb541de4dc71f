"""Fill the database: the same bytes of history every time.

Only `random.Random.random` is used of all random functions: Python promises that
its sequence for a seed never changes.
"""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Iterator
from datetime import date, timedelta
from math import pi, sin
from pathlib import Path
from random import Random

from rocdash.accounts import DEMO, hash_password

FIRST_DAY = date(2025, 5, 1)
LAST_DAY = date(2026, 10, 21)
"""History ends here, on a Wednesday; the service's today is the day after."""

CUSTOMERS = 480
SEGMENTS = ("enterprise", "business", "starter")
REGIONS = ("Europe", "North America", "Asia Pacific")

_UP_TO = {"enterprise": 0.14, "business": 0.38, "starter": 1.0}
_ORDERS_A_DAY = {"enterprise": 0.13, "business": 0.055, "starter": 0.03}
_ORDER_CENTS = {"enterprise": 164_000, "business": 38_500, "starter": 8_900}
_GROWTH_A_YEAR = {"enterprise": 0.34, "business": 0.22, "starter": 0.1}
_WEEKDAY = (1.12, 1.18, 1.15, 1.1, 1.0, 0.72, 0.73)

_FIRST_NAMES = (
    *("Alder", "Amber", "Basalt", "Birch", "Brook", "Cedar", "Cobalt", "Coral"),
    *("Dune", "Ember", "Fern", "Flint", "Garnet", "Glen", "Harbor", "Hazel"),
    *("Indigo", "Juniper", "Kestrel", "Larch", "Linden", "Maple", "Marlow"),
    *("Meadow", "Merlin", "Moss", "North", "Opal", "Osprey", "Pine", "Quarry"),
    *("Raven", "Reed", "Ridge", "Rowan", "Sable", "Slate", "Sorrel", "Teal"),
    *("Tern", "Thistle", "Umber", "Vale", "Willow", "Wren", "Yarrow"),
)
_LAST_NAMES = (
    *("Analytics", "Bakery", "Clinics", "Coffee", "Freight", "Foods", "Garden"),
    *("Health", "Hotels", "Instruments", "Labs", "Learning", "Logistics"),
    *("Media", "Mills", "Outdoors", "Paper", "Partners", "Robotics", "Sports"),
    *("Studio", "Supply", "Textiles", "Travel", "Works"),
)

_SCHEMA = """
CREATE TABLE customers (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    segment TEXT NOT NULL,
    region TEXT NOT NULL,
    joined_on TEXT NOT NULL
);
CREATE TABLE orders (
    id INTEGER PRIMARY KEY,
    customer_id INTEGER NOT NULL REFERENCES customers (id),
    ordered_on TEXT NOT NULL,
    amount_cents INTEGER NOT NULL
);
CREATE TABLE accounts (
    email TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    password_hash TEXT NOT NULL
);
"""


def fill(path: Path) -> None:
    """Write a new database to `path`, in place of what is there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    chance = Random(1_204)  # noqa: S311 - made-up history, no secret
    connection = sqlite3.connect(path)
    try:
        with connection:
            connection.executescript(_SCHEMA)
            customers = list(_customers(chance))
            connection.executemany(
                "INSERT INTO customers VALUES (?, ?, ?, ?, ?)", customers
            )
            connection.executemany(
                "INSERT INTO orders (customer_id, ordered_on, amount_cents)"
                " VALUES (?, ?, ?)",
                _orders(chance, customers),
            )
            connection.execute("CREATE INDEX orders_by_day ON orders (ordered_on)")
            connection.execute(
                "INSERT INTO accounts VALUES (?, ?, ?, ?)",
                (DEMO.email, DEMO.name, DEMO.role, hash_password(DEMO.password)),
            )
        connection.execute("VACUUM")
    finally:
        connection.close()


def _customers(chance: Random) -> Iterator[tuple[int, str, str, str, str]]:
    names = [f"{first} {last}" for first in _FIRST_NAMES for last in _LAST_NAMES]
    days = (LAST_DAY - FIRST_DAY).days
    for number in range(1, CUSTOMERS + 1):
        name = names.pop(int(chance.random() * len(names)))
        draw = chance.random()
        segment = next(s for s in SEGMENTS if draw < _UP_TO[s])
        region = REGIONS[int(chance.random() ** 1.4 * len(REGIONS))]
        # Over half were customers before history begins; the others joined in it.
        joined = FIRST_DAY + timedelta(int((chance.random() * 2.2 - 1.2) * days))
        yield number, name, segment, region, joined.isoformat()


def _orders(
    chance: Random, customers: list[tuple[int, str, str, str, str]]
) -> Iterator[tuple[int, str, int]]:
    keenness = {number: 0.35 + 1.3 * chance.random() for number, *_ in customers}
    size = {number: 0.55 + 0.9 * chance.random() for number, *_ in customers}
    for offset in range((LAST_DAY - FIRST_DAY).days + 1):
        day = FIRST_DAY + timedelta(offset)
        season = 1 + 0.08 * sin(2 * pi * day.timetuple().tm_yday / 365)
        for number, _, segment, _, joined_on in customers:
            if joined_on > day.isoformat():
                continue
            growth = 1 + _GROWTH_A_YEAR[segment] * offset / 365
            rate = _ORDERS_A_DAY[segment] * keenness[number] * growth * season
            if chance.random() < rate * _WEEKDAY[day.weekday()]:
                spread = 0.5 + chance.random()
                cents = _ORDER_CENTS[segment] * size[number] * spread
                yield number, day.isoformat(), round(cents / 100) * 100


if __name__ == "__main__":
    fill(Path(sys.argv[1]))
