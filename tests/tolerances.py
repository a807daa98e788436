"""How close is equal: keyword arguments of `np.testing.assert_allclose` and `check_grads`."""

# Values against the slow float64 reference.
FLOAT32 = {"rtol": 2e-5, "atol": 2e-5}
FLOAT64 = {"rtol": 1e-10, "atol": 1e-10}
# One float32 computation, ordered differently: jit, vmap, pmap, another number of devices.
REORDERED = {"rtol": 1e-5, "atol": 1e-5}
# Gradients in float64 against central differences.
GRADIENT = {"order": 1, "modes": ["rev"], "atol": 1e-4, "rtol": 1e-4, "eps": 1e-6}
