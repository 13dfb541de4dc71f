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


def test_those_that_did_not_pass_come_first_each_with_what_it_has():
    def test(outcome, group="smoke", text="", **evidence):
        return {
            "nodeid": f"a.py::test_{outcome}",
            "group": group,
            "outcome": outcome,
            "duration_s": 0.5,
            "text": text,
            "evidence": evidence,
        }

    found = cards(
        [
            test("passed", picture="screenshots/a.webp"),
            test("passed", group="load"),
            test("skipped", text="not run: deployment failed"),
            test("failed", address="http://site/"),
        ]
    )
    assert [(it.title, it.took, it.picture, it.note) for it in found] == [
        ("failed", "0.50 s", "", ""),
        ("skipped", "", "", "not run: deployment failed"),
        ("passed", "0.50 s", "screenshots/a.webp", ""),
    ]


def test_one_that_passed_at_a_later_try_says_so():
    told = "passed at try 2, after: no such element"
    test = {
        "nodeid": "a.py::test_a",
        "group": "smoke",
        "outcome": "passed",
        "duration_s": 0.5,
        "text": "",
        "flaky": told,
    }
    (card,) = cards([test])
    assert (card.flaky, card.note) == (True, told)
