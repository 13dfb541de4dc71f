"""Let a row go. Long deletions are begun, and Azure goes on by itself."""

from __future__ import annotations

from release.azure import deployments, gallery, groups, storage
from release.azure.storage import Container
from release.builds import Build
from release.cleaning.row import Kind, Row
from release.deploy import Target, remove_first, roll_back


def remove(target: Target, row: Row, *, build: Build) -> None:
    """Do what a row says.

    Args:
        target: Where.
        row: What goes.
        build: That does it.

    Raises:
        ReleaseError: Azure refused or failed, or what should come back did not.
    """
    azure, env = target.azure, target.env
    if row.kind is Kind.GROUP:
        groups.begin_delete(azure, row.what, journal=build.journal, stage="")
    elif row.kind is Kind.IMAGE:
        gallery.begin_delete(azure, row.what.id)
    elif row.kind is Kind.BLOB:
        Container(azure, storage.account_of(azure, env)).delete(row.what)
    elif row.kind is Kind.DEPLOYMENT:
        deployments.begin_forget(azure, row.what)
    elif row.what.last_passed:
        roll_back(target, row.what.to_go_back_to())
    else:
        remove_first(target, build=row.build)
