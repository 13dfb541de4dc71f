"""Azure's own host names, as far as this embedded Azure answers for them.

The three clouds are those of
https://learn.microsoft.com/azure/azure-government/compare-azure-government-global-azure
and https://learn.microsoft.com/azure/china/resources-developer-guide.
"""

from __future__ import annotations

RESOURCE_MANAGER = (
    "management.azure.com",
    "management.core.windows.net",
    "management.usgovcloudapi.net",
    "management.core.usgovcloudapi.net",
    "management.chinacloudapi.cn",
    "management.core.chinacloudapi.cn",
)
AUTHORITIES = (
    "login.microsoftonline.com",
    "login.windows.net",
    "login.microsoftonline.us",
    "login.chinacloudapi.cn",
    "login.partner.microsoftonline.cn",
)
GRAPHS = (
    "graph.microsoft.com",
    "graph.microsoft.us",
    "microsoftgraph.chinacloudapi.cn",
)
BLOB_SUFFIXES = (
    "blob.core.windows.net",
    "blob.core.usgovcloudapi.net",
    "blob.core.chinacloudapi.cn",
)


def blob_suffix(host: str) -> str:
    """Return the suffix of blob endpoints in the cloud that a host belongs to.

    Empty for a host that is no name of Azure's, such as 127.0.0.1.
    """
    bare = host.partition(":")[0].lower()
    if bare not in RESOURCE_MANAGER:
        return ""
    endings = {".usgovcloudapi.net": 1, ".chinacloudapi.cn": 2}
    found = (n for ending, n in endings.items() if bare.endswith(ending))
    return BLOB_SUFFIXES[next(found, 0)]
