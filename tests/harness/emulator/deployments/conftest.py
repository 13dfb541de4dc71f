"""A resource group of each test's own."""

from __future__ import annotations

import pytest
from azure.mgmt.resource.resources.models import ResourceGroup


@pytest.fixture
def group(azure, request):
    """A resource group of this test's own, gone afterwards."""
    name = f"rg-{abs(hash(request.node.name)) % 10**8}"
    groups = azure.resources.resource_groups
    groups.create_or_update(name, ResourceGroup(location="westus2"))
    yield name
    groups.begin_delete(name).result()
