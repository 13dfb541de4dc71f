"""SSH keys that nobody keeps: Azure asks for one where no password is set."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

KEY_BITS = 2048
"""The least that Azure accepts (source: "SSH keys for Linux VMs")."""


def public_key() -> str:
    """Make a key pair; return its public half and forget the private one."""
    private = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    public = private.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    return f"{public.decode()} pytest-release"
