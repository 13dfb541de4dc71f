import pytest

from release.report.smoke import cards, title


@pytest.mark.parametrize(
    ("nodeid", "said"),
    [
        ("tests/smoke/test_a.py::test_the_page_answers", "the page answers"),
        ("tests/smoke/test_a.py::test_page[GET /a::b]", "page [GET /a::b]"),
    ],
)
def test_a_test_is_named_as_a_sentence(nodeid, said):
    assert title(nodeid) == said


def record(*tests, error=""):
    return {"stages": [{"name": "deploy", "error": error}], "tests": tests}


def ended(outcome, group="smoke", text="", flaky="", **evidence):
    return {
        "nodeid": f"a.py::test_{outcome}",
        "group": group,
        "outcome": outcome,
        "duration_s": 0.5,
        "text": text,
        "flaky": flaky,
        "evidence": evidence,
    }


def test_those_that_did_not_pass_come_first_each_with_what_it_has():
    found = cards(
        record(
            ended("passed", picture="screenshots/a.webp"),
            ended("passed", group="load"),
            ended("skipped", text="not run: deployment failed"),
            ended("failed", text="no heading"),
        )
    )
    assert [(it.title, it.took, it.picture, it.note) for it in found] == [
        ("failed", "0.50 s", "", ""),
        ("skipped", "", "", "not run: deployment failed"),
        ("passed", "0.50 s", "screenshots/a.webp", ""),
    ]


def test_one_that_passed_at_a_later_try_says_so():
    told = "passed at try 2, after: no such element"
    (card,) = cards(record(ended("passed", flaky=told)))
    assert (card.flaky, card.note) == (True, told)


def test_one_whose_stage_failed_did_not_fail_itself():
    error = "web0 is not healthy\n  fix: mend it"
    (card,) = cards(record(ended("failed", text=error), error=error))
    assert (card.outcome, card.note) == ("skipped", "not run: deploy failed")
