"""Train state, the pmapped step, optimisers and checkpoints (optax and orbax live here)."""
