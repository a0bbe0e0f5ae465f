"""The paths that the emulator's process answers beside AWS's own."""

UNFINISHED = "/_local/unfinished"
"""What the stack has still to do, by name."""
WARM = "/_local/warm"
"""Answers when one environment of every function is ready."""
STRUCK = "/_local/struck"
"""How often each fault on our side has struck, by name."""
