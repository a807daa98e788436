"""Matches of two pictures in both directions, and how they are read from a correlation."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import jax.numpy as jnp
from jaxtyping import Array

from c3jax._shapes import Correlation
from c3jax.matching import kernel_transformation_map, match_scores, transformation_map

MATCHES = ("hard", "kernel")


class Read(NamedTuple):
    """What a network says of pairs: T^{j->i} and T^{i->j}, and how sure it is of their cells.

    Attributes:
      to_target: `[b, hs, ws, 2]`.
      to_source: `[b, ht, wt, 2]`.
      source_confidence, target_confidence: `[b, hs, ws]` and `[b, ht, wt]`.
      source_sigma, target_sigma: of the same shapes, or None.
    """

    to_target: Array
    to_source: Array
    source_confidence: Array
    target_confidence: Array
    source_sigma: Array | None = None
    target_sigma: Array | None = None


@dataclass(frozen=True)
class Reading:
    """How matches are read from a correlation.

    Args (fields):
      match: `hard` takes the best cell, as NC-Net; `kernel` the expectation of the scores around
        it (kernel soft-argmax), which is finer than the cells.
      temperature: of the scores, relative to the largest correlation of the pair.
      stddev: of the kernel, in cells.
    """

    match: Literal["hard", "kernel"] = "kernel"
    temperature: float = 0.05
    stddev: float = 1.5

    def read(self, correlation: Correlation) -> Read:
        """Transformation maps in both directions, and how sure they are."""
        largest = jnp.max(correlation, axis=(-4, -3, -2, -1), keepdims=True)
        relative = correlation / jnp.maximum(largest, 1e-12)
        to_target, source_confidence = self._side(relative, "target")
        to_source, target_confidence = self._side(relative, "source")
        return Read(to_target, to_source, source_confidence, target_confidence)

    def maps(self, correlation: Correlation) -> tuple[Array, Array]:
        """T^{i->j} `[b, ht, wt, 2]` and T^{j->i} `[b, hs, ws, 2]`."""
        read = self.read(correlation)
        return read.to_source, read.to_target

    def _side(self, relative: Array, over: str) -> tuple[Array, Array]:
        scores = match_scores(relative, over=over, temperature=self.temperature)
        best = scores.max(axis=(-4, -3) if over == "source" else (-2, -1))
        if self.match == "hard":
            return transformation_map(scores, over=over), best
        return kernel_transformation_map(scores, over=over, stddev=self.stddev), best
