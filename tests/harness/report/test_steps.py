import pytest

from release.report.steps import steps, theme


@pytest.mark.parametrize(
    ("text", "about"),
    [
        ("measuring 3 of 10 s: 29 requests/s", "measuring"),
        ("waiting for health of rocdash: 1 of 2", "waiting for health of rocdash"),
        ("1/7 file dist", ""),
        ("deprovision", "deprovision"),
    ],
)
def test_a_theme_is_the_words_before_the_figures(text, about):
    assert theme(text) == about


def said(at_s, text, stage="load"):
    return {"at_s": at_s, "stage": stage, "text": text}


def test_a_step_lasts_until_the_next_and_one_theme_is_one_step():
    stage = {"name": "load", "started_s": 10.0, "duration_s": 9.0}
    progress = [
        said(1.0, "packing", "bake"),
        said(10.5, "starting Locust"),
        said(12.0, "measuring 1 of 5 s"),
        said(16.0, "measuring 5 of 5 s"),
        said(18.0, "1/2 reading"),
        said(18.5, "2/2 judging"),
    ]
    assert steps(stage, progress, end_s=30.0) == [
        {"text": "starting Locust", "started_s": 10.5, "duration_s": 1.5},
        {"text": "measuring 5 of 5 s", "started_s": 12.0, "duration_s": 6.0},
        {"text": "1/2 reading", "started_s": 18.0, "duration_s": 0.5},
        {"text": "2/2 judging", "started_s": 18.5, "duration_s": 0.5},
    ]


def test_a_stage_that_did_not_end_lasts_as_long_as_the_build():
    stage = {"name": "load", "started_s": 10.0, "duration_s": None}
    (step,) = steps(stage, [said(12.0, "starting Locust")], end_s=30.0)
    assert step["duration_s"] == 18.0
