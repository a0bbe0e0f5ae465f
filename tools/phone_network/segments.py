"""How many SMS a text is billed as.

SOURCE: 3GPP 23.038: 160 GSM-7 characters or 70 UTF-16 units in one SMS, 153 or 67 in each of several.
"""

_PLAIN = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
_ESCAPED = frozenset("^{}\\[~]|€\f")


def is_plain(body: str) -> bool:
    """Say whether a text fits the GSM-7 alphabet."""
    return all(character in _PLAIN or character in _ESCAPED for character in body)


def count(body: str) -> int:
    """Return the number of SMS units of a text, at least 1."""
    if is_plain(body):
        length, alone, joined = len(body) + sum(character in _ESCAPED for character in body), 160, 153
    else:
        length, alone, joined = len(body.encode("utf-16-le", "surrogatepass")) // 2, 70, 67
    return 1 if length <= alone else -(-length // joined)
