"""The dashboard shows figures, and its filters narrow them."""

import pytest
from pages import DashboardPage

pytestmark = pytest.mark.smoke


@pytest.mark.essential
def test_dashboard_shows_figures_and_a_trend(browser, site):
    page = DashboardPage(browser, site.url).open()
    assert browser.title == "Dashboard · rocdash"
    assert page.heading == "Customer overview"
    assert set(page.figures) == {"revenue", "orders", "customers", "average_order"}
    assert all(value > 0 for value in page.figures.values())
    assert page.trend.count("L") == 12  # 13 weeks


def test_figures_are_those_of_the_api(browser, site):
    page = DashboardPage(browser, site.url).open(range="28d")
    metrics = page.fetch("/api/metrics?range=28d")["metrics"]
    assert page.figures == {name: figure["value"] for name, figure in metrics.items()}


def test_segment_filter_narrows_the_figures(browser, site):
    page = DashboardPage(browser, site.url).open()
    everybody = page.figures
    page.choose_segment("enterprise")
    assert 0 < page.figures["orders"] < everybody["orders"]
    assert page.figures["average_order"] > everybody["average_order"]
    page.choose_segment("all")
    assert page.figures == everybody


def test_filter_and_range_and_metric_go_together(browser, site):
    page = DashboardPage(browser, site.url).open()
    page.choose_segment("starter")
    before = page.trend
    page.choose_range("7d")
    page.choose_metric("orders")
    assert page.chosen_segment == "starter"
    assert page.trend.count("L") == 6
    assert page.trend != before
