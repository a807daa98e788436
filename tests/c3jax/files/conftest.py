"""The pictures that the tests of `data_pipelines` write, too."""

from tests.data_pipelines.conftest import corpus as corpus
