"""The dashboard shows figures, and its filters narrow them."""

import pytest
from pages import DashboardPage

pytestmark = pytest.mark.smoke


@pytest.mark.essential
def test_dashboard_shows_the_figures_of_the_api_and_a_trend(browser, site):
    page = DashboardPage(browser, site.url).open()
    assert browser.title
    assert page.heading
    metrics = page.fetch("/api/metrics")["metrics"]
    assert page.figures == {name: figure["value"] for name, figure in metrics.items()}
    assert set(page.figures) == {"revenue", "orders", "customers", "average_order"}
    assert all(value > 0 for value in page.figures.values())
    assert page.trend.count("L") == 12  # 13 weeks


def test_segment_filter_narrows_the_figures(browser, site):
    page = DashboardPage(browser, site.url).open()
    everybody = page.figures
    page.choose_segment("enterprise")
    assert 0 < page.figures["orders"] < everybody["orders"]
    assert page.figures["average_order"] > everybody["average_order"]


def test_range_keeps_the_segment_and_redraws_the_trend(browser, site):
    page = DashboardPage(browser, site.url).open(segment="starter")
    page.choose_range("7d")
    assert page.chosen_segment == "starter"
    assert page.trend.count("L") == 6
