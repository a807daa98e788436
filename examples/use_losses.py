"""The losses of c3jax in a plain Optax loop: textures that shift by known steps, 24 x 24 pixels."""

import jax
import jax.numpy as jnp
import optax

from c3jax import correlation_4d, gaussian_maps, grid, losses, separable_conv4d, soft_argmax, warp

SHAPES = {"conv1": (5, 5, 3, 16), "conv2": (5, 5, 16, 16), "pose": (1, 1, 16, 6)}


def init_params(key):
    keys = zip(jax.random.split(key, 3), SHAPES.items(), strict=True)
    params = {name: jax.nn.initializers.he_normal()(key, shape) for key, (name, shape) in keys}
    impulse = jnp.zeros((3, 3, 1, 1)).at[1, 1].set(1.0)
    return params | {"flow_source": impulse, "flow_target": impulse}


def convolve(x, kernel, stride):
    axes = ("NHWC", "HWIO", "NHWC")
    return jax.lax.conv_general_dilated(x, kernel, (stride,) * 2, "SAME", dimension_numbers=axes)


def encode(params, images):
    features = convolve(jax.nn.relu(convolve(images, params["conv1"], 2)), params["conv2"], 2)
    return features, soft_argmax(convolve(jax.nn.relu(features), params["pose"], 1))


def loss_fn(params, source, key):
    shift = jax.random.uniform(key, (len(source), 1, 1, 2), minval=-0.4, maxval=0.4)
    target = warp(
        source, grid((24, 24)) + shift, padding="reflect"
    )  # target(x) = source(x + shift)
    (features_i, points_i), (features_j, points_j) = encode(params, source), encode(params, target)
    p_i, p_j = (gaussian_maps(p, (12, 12), stddev=0.3) for p in (points_i, points_j + shift[:, 0]))
    volume = correlation_4d(features_i, features_j)[..., None]
    volume = separable_conv4d(volume, params["flow_source"], params["flow_target"])[..., 0]
    flow = losses.flow_cross_entropy(volume, grid((6, 6)) + shift, temperature=0.1)
    invariance = losses.invariance(p_i, p_j, p_i, p_j)  # moved back, the landmarks coincide
    return (flow + invariance + 50 * losses.separation_hinge(points_i, margin=0.5)).mean()


def train(steps=200):
    keys = jax.random.split(jax.random.key(0), steps + 2)
    coarse = jax.random.uniform(keys[0], (8, 6, 6, 3))
    images, params = jax.image.resize(coarse, (8, 24, 24, 3), "cubic"), init_params(keys[1])
    optimizer = optax.adam(3e-3)
    state, history = optimizer.init(params), []
    value_and_grad, update = jax.jit(jax.value_and_grad(loss_fn)), jax.jit(optimizer.update)
    for key in keys[2:]:
        loss, gradient = value_and_grad(params, images, key)
        updates, state = update(gradient, state)
        params = optax.apply_updates(params, updates)
        history.append(float(loss))
    return history


if __name__ == "__main__":
    print("mean loss of 50 steps:", jnp.array(train()).reshape(-1, 50).mean(1))
