"""The table of data sets is complete, and the document repeats it."""

import re
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

from c3jax.files.catalogue import CATALOGUE, find, read_entry, require_files
from c3jax.files.errors import DataError
from data_pipelines.load import OF_KIND, OWN, AlignmentDataConfig, DataConfig
from data_pipelines.preparation import NAMES
from data_pipelines.readers import reader_of

DOCUMENT = Path(__file__).parents[3] / "docs/datasets.md"


def test_the_names_of_the_options_are_those_of_the_table():
    configs = (DataConfig, AlignmentDataConfig)
    pictures, pairs = (get_args(get_type_hints(config)["name"]) for config in configs)
    assert {*pictures, *pairs} == {"auto", *CATALOGUE} - {"voc2012"}
    assert {CATALOGUE[name].kind for name in pairs} == {"pairs"} and set(OWN) <= set(CATALOGUE)


def test_each_data_set_has_its_own_loader_or_a_reader_of_its_name():
    for name, data in CATALOGUE.items():
        if name not in OWN:
            reader = reader_of(name)
            assert data.kind in {*OF_KIND, "segmented"} and reader.SPLITS and reader.read
            assert reader.NAME == name


def test_pairs_have_a_definition_of_pck_and_others_none():
    entry = dict.fromkeys(("title", "about", "source", "licence", "size"), "")
    with pytest.raises(DataError, match="datasets.toml, mine: pck is that of pairs; give it"):
        read_entry("mine", {"kind": "pairs", **entry})
    assert read_entry("mine", {"kind": "pictures", **entry}).pck == ()


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
