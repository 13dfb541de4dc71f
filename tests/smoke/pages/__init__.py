"""What a person can see and do on each page of the site."""

from pages.account import AccountPage, LoginPage
from pages.ask import AskPage
from pages.dashboard import DashboardPage
from pages.page import Page

__all__ = ["AccountPage", "AskPage", "DashboardPage", "LoginPage", "Page"]
