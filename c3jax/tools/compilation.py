"""Compiled programs are kept on disk, so that the second start of an experiment is quick."""

from pathlib import Path

import jax


def keep_compiled() -> None:
    """Keeps what JAX compiles in `~/.cache/c3jax`, or where JAX_COMPILATION_CACHE_DIR says.

    A user without a home, as in some containers, keeps nothing.
    """
    if jax.config.values.get("jax_compilation_cache_dir") is None:
        try:
            folder = Path.home() / ".cache" / "c3jax" / "compiled"
        except RuntimeError:
            return
        jax.config.update("jax_compilation_cache_dir", str(folder.absolute()))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.2)
