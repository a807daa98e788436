"""Four CPU devices, float32 products in full precision, no downloads, 64-bit floats on request."""

import itertools
import os
from pathlib import Path

import jax
import pytest

if "host_platform_device_count" not in os.environ.get("XLA_FLAGS", ""):
    jax.config.update("jax_num_cpu_devices", 4)
jax.config.update("jax_default_matmul_precision", "highest")
os.environ["HF_HUB_OFFLINE"] = "1"  # no test fetches weights, nor does a process that it starts
# Tests compile much and compute little; processes that they start do too.
# The older emitters of XLA's CPU backend compile in less than half the time of the new ones.
QUICK = "--xla_cpu_use_fusion_emitters=false --xla_cpu_parallel_codegen_split_count=1"
os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {QUICK}"
jax.config.update("jax_disable_most_optimizations", True)


LIBRARY = Path(__file__).with_name("c3jax")
# Of the library, they run only lines that its other tests run too.
AGAIN = {"test_doctests.py", "test_public_api.py", "test_table.py"}
files = itertools.count(1)


@pytest.fixture(autouse=True, scope="module")
def covered(request):
    """Coverage is measured in the library's own tests: it makes tracing slower."""
    plugin = request.config.pluginmanager.get_plugin("_cov")
    measured = request.path.is_relative_to(LIBRARY) and request.path.name not in AGAIN
    if measured or not getattr(plugin, "cov_controller", None):
        yield
        return
    plugin.cov_controller.pause()
    yield
    plugin.cov_controller.resume()


@pytest.fixture(autouse=True, scope="module")
def forget_compiled_functions():
    """Files share small programs; those of all files would hold gigabytes in the end."""
    yield
    if next(files) % 16 == 0:
        jax.clear_caches()


@pytest.fixture
def x64():
    """64-bit floats for one test: references and numerical gradients need them."""
    with jax.enable_x64(True):
        yield
