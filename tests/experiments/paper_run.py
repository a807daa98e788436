"""An experiment as a command, on published data sets as small as the tests write them.

python -m tests.experiments.paper_run EXPERIMENT FOLDER ARGUMENTS
"""

import importlib
import sys
from pathlib import Path

import pytest

from experiments.engine import cli
from tests.data_pipelines.published_files import take_counts


def main() -> None:
    """Runs it; FOLDER is that of the data."""
    _, experiment, folder, *arguments = sys.argv
    sys.argv = [experiment, *arguments]
    with pytest.MonkeyPatch.context() as patch:
        take_counts(Path(folder), patch)
        importlib.import_module(f"experiments.{experiment}.__main__").main()


if __name__ == "__main__":
    cli.guarded(main)
