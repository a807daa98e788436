"""The error that data on disk raises: it names the file or field, what was found, and the fix."""


class DataError(ValueError):
    """Data on disk, or a request for it, that cannot be used; the message says what to change."""
