"""What must not stand in a log: numbers of people, and secrets."""

import re
from collections.abc import Iterable, Iterator

_DIGITS = re.compile(r"\d{10,15}")


def leaks(lines: Iterable[tuple[str, str]], phones: Iterable[str], secrets: Iterable[str]) -> Iterator[str]:
    """Where the log lines (function, line) hold a number or a secret in clear. Never repeats what leaked."""
    nationals = {phone.removeprefix("+91").removeprefix("+") for phone in phones}
    tails = {national[-10:] for national in nationals}
    hidden = [secret for secret in secrets if secret]
    for nth, (function, line) in enumerate(lines, 1):
        if any(run[-10:] in tails for run in _DIGITS.findall(line)):
            yield f"{function}: line {nth} holds a caller's number"
        if any(secret in line for secret in hidden):
            yield f"{function}: line {nth} holds a secret"
