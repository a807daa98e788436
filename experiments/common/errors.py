"""Errors that are the user's to mend: one line and exit status 2, never a traceback."""


class UsageError(ValueError):
    """Wrong options, data or files; the message names them, what was got and how to fix it."""
