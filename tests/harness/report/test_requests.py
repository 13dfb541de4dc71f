from datetime import UTC, datetime

from release.journal import Event, Kind
from release.report.requests import requests


def asked(left=None, **counts):
    each = {"kind": "reads", "operation": "virtualMachines", "repeated": 0}
    return Event(
        at=datetime(2026, 1, 1, tzinfo=UTC),
        pid=1,
        kind=Kind.REQUESTS,
        stage="bake",
        data={"asked": [each | counts], "left": left or {}},
    )


def test_requests_of_all_stages_and_processes_are_added_up():
    found = requests(
        [
            asked(count=3, left={"subscription-reads": 240, "a": 9}),
            asked(count=4, repeated=1, left={"subscription-reads": 230}),
            asked(kind="writes", count=9),
            asked(kind="blobs", operation="blob", count=2),
        ]
    )
    assert found == {
        "reads": 7,
        "writes": 9,
        "deletes": 0,
        "blobs": 2,
        "repeated": 1,
        "least_left": {"a": 9, "subscription-reads": 230},
        "operations": [
            {
                "kind": "writes",
                "operation": "virtualMachines",
                "count": 9,
                "repeated": 0,
            },
            {
                "kind": "reads",
                "operation": "virtualMachines",
                "count": 7,
                "repeated": 1,
            },
            {"kind": "blobs", "operation": "blob", "count": 2, "repeated": 0},
        ],
    }


def test_nothing_asked_is_nothing():
    assert requests([]) == {
        "reads": 0,
        "writes": 0,
        "deletes": 0,
        "blobs": 0,
        "repeated": 0,
        "least_left": {},
        "operations": [],
    }
