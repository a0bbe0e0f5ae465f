"""Identifiers in Exotel's shape, made from causes so that a run with the same `run_id` gives the same ones.

SOURCE: captures of Passthru requests: 32 lower-case characters, hexadecimal but for the last, which may be
any letter.
"""

from hashlib import blake2b

_LAST = "0123456789abcdefghijklmnopqrstuvwxyz"


def make(run_id: str, *cause: object) -> str:
    """Return the id of the thing that has this cause in this run."""
    digest = blake2b(
        "\x1f".join((run_id, *map(str, cause))).encode("utf-8", "surrogateescape"), digest_size=17
    )
    raw = digest.digest()
    return raw[:16].hex()[:31] + _LAST[raw[16] % len(_LAST)]
