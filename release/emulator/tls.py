"""The private certificate authority of a state folder, and the server's certificate.

Made once by trustme and kept, so that clients that trust ``ca.pem`` still do after a
restart. The names are those that Azure clients dial.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

import trustme

from release.emulator.names import AUTHORITIES, BLOB_SUFFIXES, GRAPHS, RESOURCE_MANAGER

NAMES = (
    "127.0.0.1",
    "::1",
    "localhost",
    "*.localhost",
    *RESOURCE_MANAGER,
    *AUTHORITIES,
    *GRAPHS,
    *(f"*.{suffix}" for suffix in BLOB_SUFFIXES),
)


@dataclass(frozen=True, slots=True)
class Certificates:
    """Where the files are."""

    ca: Path
    """What clients trust; no key in it."""
    server: Path
    """Key and chain of the server; mode 600."""

    def context(self) -> ssl.SSLContext:
        """Return a server context."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(self.server)
        return context


def certificates(folder: Path) -> Certificates:
    """Return the folder's certificates, made when they or a name are missing."""
    found = Certificates(folder / "ca.pem", folder / "server.pem")
    names, wanted = folder / "server.names", "\n".join(NAMES)
    made = found.ca.exists() and found.server.exists() and names.exists()
    if made and names.read_text(encoding="utf-8") == wanted:
        return found
    authority = trustme.CA(organization_name="Embedded Azure")
    issued = authority.issue_cert(*NAMES)
    found.server.touch(mode=0o600)
    issued.private_key_and_cert_chain_pem.write_to_path(found.server)
    authority.cert_pem.write_to_path(found.ca)
    names.write_text(wanted, encoding="utf-8")
    return found
