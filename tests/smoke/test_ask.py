"""Questions in plain language get an answer, or a polite refusal."""

from urllib.parse import quote

import pytest
from pages import AskPage

pytestmark = pytest.mark.smoke


@pytest.mark.essential
def test_known_question_gets_a_figure_and_a_chart(browser, site):
    question = "How many orders last week?"
    page = AskPage(browser, site.url).open()
    expected = page.fetch(f"/api/ask?q={quote(question)}")
    page.ask(question)
    assert page.figure == expected["value"] > 0
    assert page.sentence == expected["sentence"]
    assert page.has_chart


def test_unknown_question_is_refused_politely(browser, site):
    page = AskPage(browser, site.url).open()
    page.ask("What is the meaning of life?")
    assert page.apology.startswith("Sorry, I cannot answer that")
    assert not page.has_chart
    assert len(page.examples) >= 3


def test_an_example_is_answered(browser, site):
    page = AskPage(browser, site.url).open()
    assert page.take_example(1) == "Revenue by segment this month"
    assert page.apology == ""
    assert page.figure > 0
