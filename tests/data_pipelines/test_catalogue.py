"""The table of data sets is complete, and the document repeats it."""

import re
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

from data_pipelines.catalogue import CATALOGUE, find, require_files
from data_pipelines.errors import DataError
from data_pipelines.load import PAIRS, PICTURES, AlignmentDataConfig, DataConfig
from data_pipelines.preparation import NAMES

DOCUMENT = Path(__file__).parents[2] / "docs/datasets.md"


def test_every_name_that_the_experiments_take_is_in_the_tables():
    configs = (DataConfig, AlignmentDataConfig)
    pictures, pairs = (set(get_args(get_type_hints(config)["name"])) for config in configs)
    assert pictures == {"auto", *PICTURES} and pairs == set(PAIRS)
    assert {*PICTURES, *PAIRS} <= set(CATALOGUE)


def test_the_document_has_a_section_for_each_data_set_with_what_the_table_says():
    sections = dict(re.findall(r"^## `(\w+)`: (.*?)(?=^## |\Z)", DOCUMENT.read_text(), re.M | re.S))
    assert list(sections) == list(CATALOGUE)
    for name, text in sections.items():
        said, data = " ".join(text.split()), CATALOGUE[name]
        for field in (data.title, data.about, data.source, data.licence, data.size, *data.files):
            assert " ".join(field.split()) in said, f"docs/datasets.md, {name}: {field!r}"
        assert ("Can be prepared" in said) == (name in NAMES)
        assert all(archive.name in said for archive in data.archives)


def test_instructions_say_what_to_put_where():
    text = find("aflw").instructions()
    for part in ("AFLW", "1.1 GB", "licence", "aflw_release-2.zip", "output/", "--data.path"):
        assert part in text
    assert (
        find("rendered_faces").instructions() == "Rendered faces: they are rendered on first use."
    )


def test_one_error_names_all_that_is_missing_and_only_that(tmp_path):
    (tmp_path / "here").mkdir()
    require_files("aflw", [tmp_path / "here"])
    with pytest.raises(DataError, match=r"re-cropped") as caught:
        require_files("aflw", [tmp_path / name for name in ("here", "one", "two")])
    listed = re.findall(r"^  (.*)$", str(caught.value), re.M)
    assert listed == [str(tmp_path / "one"), str(tmp_path / "two")]
