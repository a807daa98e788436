"""The library's own small tests under settings of JAX that show what a default run hides."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
FUNCTIONS = ("colors", "coordinates", "correlation", "landmarks", "matching", "metrics", "sampling")
FUNCTIONS += ("splines", "warps", "windows", "losses/test_c3", "losses/test_matching")
FUNCTIONS += ("losses/test_jlad", "losses/test_synthetic", "losses/test_perceptual")
# Setting -> files, without those in which every operation is compiled alone for minutes.
SETTINGS = {
    "JAX_ENABLE_X64=1": FUNCTIONS,
    "JAX_DEBUG_NANS=1": FUNCTIONS,
    "JAX_NUMPY_DTYPE_PROMOTION=strict": FUNCTIONS,
    "JAX_NUMPY_RANK_PROMOTION=raise": FUNCTIONS,
    "JAX_DISABLE_JIT=1": ("coordinates", "landmarks", "matching", "losses/test_matching"),
}


@pytest.mark.slow
@pytest.mark.parametrize("setting", SETTINGS)
def test_the_librarys_tests_pass_under(setting):
    name, _, value = setting.partition("=")
    files = [
        HERE / (f"{each}.py" if "/" in each else f"test_{each}.py") for each in SETTINGS[setting]
    ]
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-m",
            "not slow",
            "--tb=short",
            "-p",
            "no:cacheprovider",
            *files,
        ],
        env=os.environ | {name: value},
        capture_output=True,
        text=True,
        cwd=HERE.parents[1],
    )
    assert done.returncode == 0, done.stdout[-5000:]
