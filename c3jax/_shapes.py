"""Names of arrays with the same axes, which stand in many signatures."""

from jaxtyping import Array, Float

# `*b` is any number of batch axes.
Image = Float[Array, "*b H W C"]
Maps = Float[Array, "*b H W K"]
Points = Float[Array, "*b K 2"]
PointMap = Float[Array, "*b h w 2"]
Volume = Float[Array, "*b hs ws ht wt"]
PerExample = Float[Array, "*b"]

# What networks take and give has one.
Images = Float[Array, "b H W 3"]
Features = Float[Array, "b h w c"]
Source, Target = Float[Array, "b hs ws c"], Float[Array, "b ht wt c"]
Correlation = Float[Array, "b hs ws ht wt"]
Landmarks = Float[Array, "b K 2"]
