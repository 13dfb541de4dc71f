import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader

from release.load import hdr_log
from release.load.gate import Canary, Comparison, Outcome
from release.load.gate import Endpoint as Side
from release.load.measurements import Sender
from release.load.pictures import as_json, pictures, side_by_side, spoken
from release.settings.model import Thresholds

Make = Callable[..., Any]
SLOWER = Comparison(
    endpoint="GET /<a>",
    metric="p95_ms",
    measured_ms=130,
    earlier_ms=100,
    change_ratio=0.3,
    low=0.1,
    high=0.5,
    builds=("1", "2", "3"),
    outcome=Outcome.FAILED,
    text="GET /<a> p95_ms failed",
)


@pytest.fixture
def drawn(endpoint: Make, measured: Make) -> Any:
    found = measured(endpoint(*range(1, 101), name="GET /<a>", failed=2))
    limits = {"GET /<a>": Thresholds(p95_ms=120), "*": Thresholds(min_rate=1)}
    return pictures(found, limits, [SLOWER])


def test_each_picture_is_svg_with_its_words(drawn: Any) -> None:
    assert list(drawn) == ["rate.svg", "earlier.svg", "endpoint-1.svg"]
    said = {name: (each["title"], each["text"]) for name, each in drawn.items()}
    assert said == {
        "rate.svg": (
            "Rate and errors, second by second",
            "10 good responses a second on average, 2 failed of 102 requests",
        ),
        "earlier.svg": (
            "This build against earlier ones",
            "1 of 1 percentiles are surely slower",
        ),
        "endpoint-1.svg": (
            "GET /<a>",
            "100 good responses in 10 s: p50 50.0 ms, p95 95.0 ms, p99 99.1 ms",
        ),
    }
    for each in drawn.values():
        root = ET.fromstring(each["svg"])  # noqa: S314 - made here
        assert root.get("aria-label") == f"{each['title']}: {each['text']}"
    assert as_json(drawn)[0] == {
        "file": "load/rate.svg",
        "title": "Rate and errors, second by second",
        "text": "10 good responses a second on average, 2 failed of 102 requests",
    }


def test_a_canary_is_drawn_with_what_each_endpoint_lies_between() -> None:
    worse = Side(
        name="GET /<a>",
        pairs=100,
        change_ratio=0.2,
        low=0.1,
        high=0.3,
        outcome=Outcome.FAILED,
        text="GET /<a>: 20.0 % slower (+10.0 % to +30.0 %)",
    )
    found = Canary(
        outcome=Outcome.FAILED,
        text=worse.text,
        endpoints=(worse, replace(worse, name="GET /", outcome=Outcome.PASSED)),
        pairs=200,
        new="new",
        old="old",
    )

    drawn = side_by_side(found, effect_ratio=0.1)

    assert [each["text"] for each in drawn.values()] == ["1 of 2 endpoints is worse"]
    root = ET.fromstring(drawn["canary.svg"]["svg"])  # noqa: S314 - made here
    assert root.get("aria-label") == (
        "The new instance against the old one: 1 of 2 endpoints is worse"
    )
    assert as_json(drawn, "canary")[0]["file"] == "canary/canary.svg"


def test_a_canary_that_judged_nothing_has_no_picture() -> None:
    assert side_by_side(Canary.of_nothing("nothing"), effect_ratio=0.1) == {}


def test_pictures_take_their_colours_from_the_page(drawn: Any) -> None:
    for each in drawn.values():
        assert "var(--ink, " in each["svg"]
        assert "#01010" not in each["svg"]


def test_ids_of_pictures_do_not_meet(drawn: Any) -> None:
    ids = [
        {node.get("id") for node in ET.fromstring(each["svg"]).iter() if node.get("id")}  # noqa: S314
        for each in drawn.values()
    ]
    assert not set.intersection(*ids)


@pytest.mark.parametrize(
    ("comparisons", "end"),
    [
        pytest.param([], ".", id="no-baseline"),
        pytest.param([SLOWER], "; slower than earlier builds: GET /<a>.", id="slower"),
    ],
)
def test_a_sentence_says_it_all(
    endpoint: Make, measured: Make, comparisons: list[Comparison], end: str
) -> None:
    found = measured(endpoint(*range(1, 101), failed=2))

    assert spoken(found, comparisons) == (
        "At 10 requests a second, half of all answers came within 50 ms and 95 of 100 "
        "within 95 ms; 2 of 102 requests failed" + end
    )


def test_a_sentence_says_who_was_lost(endpoint: Make, measured: Make) -> None:
    gone = Sender(name="a", rate=20, cpu_ratio=0.1, lag_ms=1, lost_s=7, lost_batches=0)

    assert spoken(replace(measured(endpoint(5.0)), senders=(gone,)), []) == (
        "At 0 requests a second, half of all answers came within 5 ms and 95 of 100 "
        "within 5 ms; none of 1 requests failed; 1 of 1 workers was lost: a at 7 s."
    )


def test_a_sentence_of_failures_alone(endpoint: Make, measured: Make) -> None:
    assert spoken(measured(endpoint(failed=3)), []) == (
        "None of 3 requests was answered well."
    )


def test_the_hdr_log_is_read_by_the_library(
    endpoint: Make, measured: Make, tmp_path: Path
) -> None:
    found = measured(endpoint(5, 7, name="GET /, all", at=3))

    hdr_log.write(tmp_path, found)

    path = tmp_path / "latency.hlog"
    assert "Tag=GET_/_all,3.000000,1.000000," in path.read_text()
    reader = HistogramLogReader(str(path), HdrHistogram(1, 3_600_000_000, 2))
    read = reader.get_next_interval_histogram()
    assert read.get_total_count() == 2
    assert read.get_tag() == "GET_/_all"
    reader.close()
