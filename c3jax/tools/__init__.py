"""The commands that come with the package: `c3jax detect`, `align`, `evaluate` and their like.

They need the extra `tools`. Models are exported ones, or those that come along; who runs them from
elsewhere gives `main` another loader, which reads runs too.
"""
