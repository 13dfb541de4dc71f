"""Signing in and out, and a page for those signed in only."""

import pytest
from pages import AccountPage, LoginPage

pytestmark = pytest.mark.smoke


@pytest.mark.essential
def test_signing_in_shows_who_is_there(browser, site):
    page = LoginPage(browser, site.url).open()
    page.sign_in()
    assert page.signed_in_as == "Ada Byron"
    assert page.current_path == "/"


def test_wrong_password_is_told_and_does_not_sign_in(browser, site):
    page = LoginPage(browser, site.url).open()
    page.sign_in(password="wrong")
    assert page.error == "That email and password do not match. Please try again."
    assert page.signed_in_as == ""


def test_account_needs_signing_in_and_comes_back_to_it(browser, site):
    account = AccountPage(browser, site.url).open()
    assert account.current_path == "/login"
    LoginPage(browser, site.url).sign_in()
    assert account.current_path == "/account"
    assert account.email == "ada@rocdash.example"


def test_signing_out_closes_the_account(browser, site):
    page = LoginPage(browser, site.url).open()
    page.sign_in()
    page.sign_out()
    assert page.signed_in_as == ""
    assert AccountPage(browser, site.url).open().current_path == "/login"
