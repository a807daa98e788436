"""Compiled programs are kept on disk, so that the second start of an experiment is quick."""

from pathlib import Path

import jax

FOLDER = Path.home() / ".cache" / "c3jax" / "compiled"


def keep_compiled() -> None:
    """Keeps what JAX compiles in `FOLDER`, or where JAX_COMPILATION_CACHE_DIR says."""
    if jax.config.values.get("jax_compilation_cache_dir") is None:
        jax.config.update("jax_compilation_cache_dir", str(FOLDER.absolute()))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.2)
