"""The public functions under `jit`, options static: tests of values use these.

Eager calls compile every operation on its own, which takes most of the time of a test. That eager
and compiled calls agree is tested once for each function, in `c3jax/test_public_api.py`.
"""

import inspect
from types import SimpleNamespace

import jax

import c3jax as library

ARRAY_OPTIONS = {"matched", "valid", "weights"}
STATIC_ARGUMENTS = {"shape", "size"}


def compiled(function):
    static = {
        name
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY or name in STATIC_ARGUMENTS
    }
    return jax.jit(function, static_argnames=sorted(static - ARRAY_OPTIONS))


def namespace(module):
    public = {name: getattr(module, name) for name in dir(module) if not name.startswith("_")}
    return SimpleNamespace(
        **{
            name: compiled(value) if inspect.isfunction(value) else value
            for name, value in public.items()
        }
    )


c3jax = namespace(library)
losses = namespace(library.losses)
metrics = namespace(library.metrics)
