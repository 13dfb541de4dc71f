"""Key figures, a trend and the filters."""

from pages.page import Page


class DashboardPage(Page):
    path = "/"

    @property
    def figures(self) -> dict[str, int]:
        """Metric to value; money in cents."""
        return {
            name: int(value)
            for name, value in self.browser.execute_script(
                "return [...document.querySelectorAll('.figure')].map(card => ["
                "card.dataset.metric,"
                "card.querySelector('[data-test=value]').dataset.value])"
            )
        }

    @property
    def trend(self) -> str:
        """The drawn line, as an SVG path."""
        return self.find("[data-test=chart] path.line").get_attribute("d")

    @property
    def chosen_segment(self) -> str:
        return self.find("[data-segment][aria-current]").get_attribute("data-segment")

    def choose_segment(self, name: str) -> None:
        self._choose(f"[data-segment={name}]")

    def choose_range(self, name: str) -> None:
        self._choose(f"[data-range='{name}']")

    def _choose(self, selector: str) -> None:
        self.find(selector).click()
        self.wait(
            f"{selector} to be chosen", lambda: self.all(f"{selector}[aria-current]")
        )
