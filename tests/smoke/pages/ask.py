"""A question and what comes back."""

from pages.page import Page


class AskPage(Page):
    path = "/ask"

    def ask(self, question: str) -> None:
        field = self.find("#q")
        field.clear()
        field.send_keys(question)
        field.submit()
        self._wait_for_reaction()

    def take_example(self, number: int) -> str:
        """Follow an example and return its words."""
        example = self.all(".examples a")[number]
        words = example.text
        example.click()
        self.wait(
            f"the question {words!r}",
            lambda: self.find("#q").get_attribute("value") == words,
        )
        self._wait_for_reaction()
        return words

    def _wait_for_reaction(self) -> None:
        self.wait(
            "an answer or an apology",
            lambda: self.all("[data-test=answer], [data-test=sorry]"),
        )

    @property
    def figure(self) -> int:
        return int(self.find("[data-test=figure]").get_attribute("data-value"))

    @property
    def sentence(self) -> str:
        return self.find(".sentence").text

    @property
    def has_chart(self) -> bool:
        return bool(self.all("[data-test=answer] [data-test=chart] path.line"))

    @property
    def apology(self) -> str:
        """The polite refusal, or "" when there is an answer."""
        return "".join(each.text for each in self.all("[data-test=sorry]"))

    @property
    def examples(self) -> list[str]:
        return [each.text for each in self.all(".examples a")]
