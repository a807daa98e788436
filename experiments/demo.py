"""`python -m experiments.demo`: `c3jax demo` of runs and their steps, too."""

import functools

from c3jax.tools import demo
from experiments.engine import cli
from experiments.registry import load_both

main = functools.partial(demo.main, load_both, prog="python -m experiments.demo")

if __name__ == "__main__":
    cli.guarded(main)
