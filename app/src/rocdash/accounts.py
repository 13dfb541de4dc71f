"""Who may sign in. Pure but for one read of the database."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from pathlib import Path

from rocdash.database import rows

_ROUNDS = 20_000
"""Few: the only password is public, and signing in is part of the load test."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """Someone who may sign in."""

    email: str
    name: str
    role: str


@dataclass(frozen=True, kw_only=True, slots=True)
class DemoAccount(Account):
    """The account that everybody may use."""

    password: str


DEMO = DemoAccount(
    email="ada@rocdash.example",
    name="Ada Byron",
    role="Analyst",
    password="roc-demo-2026",  # noqa: S106 - public: the sign-in page shows it
)


def hash_password(password: str) -> str:
    """Return a slow hash of `password`, the same each time."""
    salt = b"rocdash demo accounts"
    return hashlib.pbkdf2_hmac("sha256", password.encode(), salt, _ROUNDS).hex()


def sign_in(database: Path, email: str, password: str) -> Account | None:
    """Return the account whose email and password these are, or None."""
    found = rows(
        database,
        "SELECT name, role, password_hash FROM accounts WHERE email = :email",
        {"email": email.strip().lower()},
    )
    # An unknown email takes as long as a wrong password.
    name, role, wanted = found[0] if found else ("", "", "")
    if not hmac.compare_digest(hash_password(password), str(wanted)):
        return None
    return Account(email=email.strip().lower(), name=str(name), role=str(role))
