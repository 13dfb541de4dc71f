"""Signing in, and what only those signed in see."""

from pages.page import Page

EMAIL = "ada@rocdash.example"
PASSWORD = "roc-demo-2026"


class LoginPage(Page):
    path = "/login"

    def sign_in(self, email: str = EMAIL, password: str = PASSWORD) -> None:
        """Send the form and wait until it worked or did not."""
        field = self.find("#email")
        field.clear()
        field.send_keys(email)
        self.find("#password").send_keys(password)
        self.find("[data-test=submit]").click()
        self.wait(
            "the answer to the form",
            lambda: self.all("[data-test=who], [data-test=login-error]"),
        )

    @property
    def error(self) -> str:
        return "".join(each.text for each in self.all("[data-test=login-error]"))


class AccountPage(Page):
    path = "/account"

    @property
    def email(self) -> str:
        return self.find("[data-test=email]").text
