"""Pure: a system-call filter that lets an ordinary user's sandbox play root.

A sandbox of an ordinary user has one user only, so chown(2) and setuid(2) to another
would fail, and with them useradd, ``install -o``, tar and Ansible's ``owner:``. The
filter makes these calls succeed without doing anything, as Charliecloud does
(https://hpc.github.io/charliecloud/ch-image.html#seccomp).
"""

from __future__ import annotations

import struct

# From linux/audit.h, linux/seccomp.h and linux/filter.h.
_X86_64 = 0xC000003E
_AARCH64 = 0xC00000B7
_ALLOW = 0x7FFF0000
_SUCCEED = 0x00050000  # SECCOMP_RET_ERRNO with errno 0
_LOAD = 0x20  # BPF_LD | BPF_W | BPF_ABS
_IF_EQUAL = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
_RETURN = 0x06  # BPF_RET | BPF_K
_NUMBER_AT = 0
_ARCHITECTURE_AT = 4

# chown fchown lchown fchownat setuid setgid setreuid setregid setgroups setresuid
# setresgid setfsuid setfsgid, of asm/unistd_64.h and asm-generic/unistd.h.
_CALLS = {
    _X86_64: (92, 93, 94, 260, 105, 106, 113, 114, 116, 117, 119, 122, 123),
    _AARCH64: (55, 54, 146, 144, 145, 143, 159, 147, 149, 151, 152),
}


def program() -> bytes:
    """Return the filter as an array of ``struct sock_filter``.

    On another architecture it allows everything as it is.
    """
    blocks = [_block(architecture, calls) for architecture, calls in _CALLS.items()]
    return b"".join([_step(_LOAD, _ARCHITECTURE_AT), *blocks, _step(_RETURN, _ALLOW)])


def _block(architecture: int, calls: tuple[int, ...]) -> bytes:
    checks = [
        _step(_IF_EQUAL, number, then=len(calls) - position)
        for position, number in enumerate(calls)
    ]
    # Load, the checks, allow, succeed: jumped over on another architecture.
    return b"".join(
        [
            _step(_IF_EQUAL, architecture, otherwise=len(calls) + 3),
            _step(_LOAD, _NUMBER_AT),
            *checks,
            _step(_RETURN, _ALLOW),
            _step(_RETURN, _SUCCEED),
        ]
    )


def _step(code: int, value: int, *, then: int = 0, otherwise: int = 0) -> bytes:
    return struct.pack("=HBBI", code, then, otherwise, value)
