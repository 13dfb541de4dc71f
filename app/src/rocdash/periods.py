"""Spans of days and how they are cut into the points of a chart. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from rocdash.data import LAST_DAY

_DAILY_UP_TO_DAYS = 35
_PARTS_DAYS = (7, 10, 5, 6)

RANGES = {"7d": "7 days", "28d": "4 weeks", "91d": "13 weeks", "364d": "52 weeks"}
"""What the dashboard offers: whole weeks, so that each point is a whole one."""
DEFAULT_RANGE = "91d"


@dataclass(frozen=True, kw_only=True, slots=True)
class Period:
    """Days from `first` to `last`, both counted."""

    first: date
    last: date

    @property
    def days(self) -> int:
        """How many days these are, at least 1."""
        return (self.last - self.first).days + 1

    @property
    def previous(self) -> Period:
        """As many days, right before these."""
        return Period(
            first=self.first - timedelta(self.days), last=self.first - timedelta(1)
        )

    @property
    def text(self) -> str:
        """Name the days the way a person would."""
        if self.first == self.last:
            return f"{self.first:%a} {day(self.first)} {self.first.year}"
        if self.first.year != self.last.year:
            return (
                f"{day(self.first)} {self.first.year} \N{EN DASH} "
                f"{day(self.last)} {self.last.year}"
            )
        if self.first.month != self.last.month:
            return f"{day(self.first)} \N{EN DASH} {day(self.last)} {self.last.year}"
        return f"{self.first.day}\N{EN DASH}{day(self.last)} {self.last.year}"

    def bins(self) -> Iterator[Period]:
        """Cut into days, or into parts of one length: a short part looks like a fall.

        Only what begins with a month is cut into calendar months, and what no
        length divides.
        """
        if self.days <= _DAILY_UP_TO_DAYS:
            return self._cut(1)
        days = next((each for each in _PARTS_DAYS if self.days % each == 0), None)
        if days is None or self.first.day == 1:
            return self._months()
        return self._cut(days)

    def _cut(self, days: int) -> Iterator[Period]:
        for offset in range(0, self.days, days):
            first = self.first + timedelta(offset)
            yield Period(first=first, last=first + timedelta(days - 1))

    def _months(self) -> Iterator[Period]:
        first = self.first
        while first <= self.last:
            last = min(month_end(first), self.last)
            yield Period(first=first, last=last)
            first = last + timedelta(1)


def named(name: str) -> Period:
    """Return the range of `RANGES` called `name`: that many days up to the last."""
    days = int(name.removesuffix("d"))
    return Period(first=LAST_DAY - timedelta(days - 1), last=LAST_DAY)


def day(value: date) -> str:
    """Write day and month: ``5 Oct``."""
    return f"{value.day} {value:%b}"


def month_end(value: date) -> date:
    """Return the last day of the month that holds `value`."""
    return (value.replace(day=28) + timedelta(4)).replace(day=1) - timedelta(1)
