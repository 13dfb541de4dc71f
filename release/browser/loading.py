"""How long pages take to load, as the browser itself tells it."""

from __future__ import annotations

from selenium.webdriver.remote.webdriver import WebDriver

# W3C "Navigation Timing": times are from the start of the navigation, redirects
# included; the end of the load event is 0 until its handlers have run.
_LOADED = """
const done = arguments[arguments.length - 1];
const look = () => {
  const [it] = performance.getEntriesByType("navigation");
  if (it.loadEventEnd) done([it.loadEventEnd, it.responseStatus ?? 0]);
  else setTimeout(look, 1);
};
look();
"""


def load_times_ms(
    driver: WebDriver, url: str, *, count: int
) -> tuple[list[float], int]:
    """Load a page once to fill the browser's cache, then as often as wanted.

    Args:
        driver: The browser.
        url: Address of the page.
        count: Loads to measure.

    Returns:
        Milliseconds from the start of each navigation to the end of its load event,
        and the worst HTTP status; 0 where a browser does not tell it.
    """
    seen = []
    for _ in range(count + 1):
        driver.get(url)
        seen.append(driver.execute_async_script(_LOADED))
    worst = max(int(status) for _, status in seen)
    return [float(took) for took, _ in seen[1:]], worst
