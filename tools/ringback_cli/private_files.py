"""Files that hold what people told us: new ones, and readable by their owner alone."""

import os
from pathlib import Path
from typing import Any

from ringback.domain.errors import Rejected


def create(path: Path, mode: str, **more: Any) -> Any:
    """Open a new file for writing, as `open` does; `Rejected` for one that exists already, or cannot be written."""
    try:
        opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise Rejected(f"{path} exists already: name another file, or remove it") from None
    except OSError as problem:
        raise Rejected(f"{path}: cannot be written: {problem.strerror}") from None
    return os.fdopen(opened, mode, **more)
