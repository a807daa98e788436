"""`python -m c3jax` is `c3jax`, wherever that lies."""

from c3jax.tools.command import main

if __name__ == "__main__":
    main()
