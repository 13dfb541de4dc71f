import pytest

from release.report.gates import bar, gates, name, title


@pytest.mark.parametrize(
    ("metric", "words"),
    [
        ("p50_ms", "median response"),
        ("p95_ms", "p95 response"),
        ("p99_9_ms", "p99.9 response"),
        ("max_ms", "longest response"),
        ("error_ratio", "failed requests"),
        ("min_rate", "requests a second"),
        ("min_samples", "good responses"),
    ],
)
def test_a_metric_has_words(metric, words):
    assert title(metric) == words


def test_a_gate_is_named_by_endpoint_and_metric():
    assert name("GET / p95_ms") == "GET /: p95 response"
    assert name("* max_ms") == "All requests: longest response"


@pytest.mark.parametrize(
    ("measured", "limit", "fill", "mark"),
    [
        pytest.param(35.0, 350.0, 10.0, 100.0, id="within"),
        pytest.param(350.0, 350.0, 100.0, 100.0, id="on-the-limit"),
        pytest.param(700.0, 350.0, 100.0, 50.0, id="over"),
        pytest.param(0.0, 0.0, 0.0, 0.0, id="none-of-none"),
        pytest.param(0.5, 0.0, 100.0, 0.0, id="some-of-none"),
        pytest.param(None, 350.0, 0.0, 100.0, id="not-measured"),
    ],
)
def test_a_bar_has_one_scale_from_zero(measured, limit, fill, mark):
    assert bar(measured, limit) == {"fill": fill, "limit": mark}


def judged(endpoint, metric, **more):
    return {
        "endpoint": endpoint,
        "metric": metric,
        "limit": 350.0,
        "measured": 512.3,
        "unit": "ms",
        "samples": 110,
        "outcome": "failed",
        "margin": -162.3,
    } | more


def test_gates_are_grouped_by_endpoint_in_their_order():
    found = gates(
        [
            judged("*", "max_ms"),
            judged("GET /", "p50_ms"),
            judged("GET /", "p95_ms"),
        ]
    )
    assert [(g["title"], len(g["gates"])) for g in found] == [
        ("All requests", 1),
        ("GET /", 2),
    ]


def test_a_gate_shows_limit_measured_and_margin_with_units():
    (group,) = gates([judged("GET /", "p95_ms")])
    assert group["gates"] == [
        {
            "metric": "p95_ms",
            "title": "p95 response",
            "limit": "≤ 350 ms",
            "measured": "512 ms",
            "margin": "162 ms over",
            "samples": 110,
            "outcome": "failed",
            "bar": {"fill": 100.0, "limit": 68.3},
        }
    ]


@pytest.mark.parametrize(
    ("metric", "margin", "unit", "shown"),
    [
        ("p95_ms", 12.5, "ms", "12.5 ms to spare"),
        ("error_ratio", 0.0, "ratio", "none to spare"),
        ("min_rate", -2.0, "/s", "2 /s short"),
        ("p95_ms", None, "ms", "not measured"),
    ],
)
def test_a_margin_says_which_way(metric, margin, unit, shown):
    (group,) = gates([judged("GET /", metric, margin=margin, unit=unit)])
    assert group["gates"][0]["margin"] == shown
