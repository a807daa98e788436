"""What ends a command with one line in place of a traceback."""


class UsageError(ValueError):
    """Wrong options, data or files; the message names them, what was got and how to fix it.

    The user's to mend: exit status 2.
    """


def check_least(option: str, value: float | None, least: float) -> None:
    """Raises UsageError for an option that is given and too small."""
    if value is not None and value < least:
        raise UsageError(f"{option} must be at least {least}, got {value}")
