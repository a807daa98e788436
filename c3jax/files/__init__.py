"""Pictures, tables of points and pairs as they lie on disk; NumPy and Pillow, never JAX.

A file that cannot be used is a `DataError`, which names it and says what to change.
"""
