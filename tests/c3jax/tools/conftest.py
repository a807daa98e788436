"""The tiny runs of `tests.experiments`, exported."""

from tests.experiments.conftest import compiled as compiled
from tests.experiments.conftest import exported as exported
from tests.experiments.conftest import labelled as labelled
from tests.experiments.conftest import run_of as run_of
