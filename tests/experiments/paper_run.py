"""An experiment as a command, on published data sets as small as the tests write them.

python -m tests.experiments.paper_run EXPERIMENT FOLDER ARGUMENTS
"""

import sys
from pathlib import Path

import pytest

from experiments.recipe import train
from experiments.registry import find_recipe
from tests.data_pipelines.published_files import take_counts


def main() -> None:
    """Runs it; FOLDER is that of the data."""
    _, experiment, folder, *arguments = sys.argv
    sys.argv = [experiment, *arguments]
    with pytest.MonkeyPatch.context() as patch:
        take_counts(Path(folder), patch)
        train(find_recipe(experiment))


if __name__ == "__main__":
    main()
