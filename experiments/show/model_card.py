"""README.md of an exported model, its card: what it is, reaches, and is not for."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from c3jax import inference, packages
from c3jax.files import catalogue
from c3jax.inference.files import finds_landmarks, matches_pictures
from experiments.engine import runs
from experiments.show.page import as_markdown
from experiments.show.sections import result_sections

CARD = "README.md"
OWN_LICENCE = "that of this project"  # as the catalogue has it of rendered data

LANDMARKS = """\
It finds landmarks on the kind of object that it was trained on, one object in the middle of each
picture. The landmarks were learned without labels: they have no names and need not be anatomical
points; a linear regressor, fitted on some annotated pictures, maps them to points that have. It
places every landmark in every picture, also where there is no such object, or where the point is
hidden. Pictures unlike those of the training (other poses, ages, groups of people, cameras) were
not measured unless the tables above say so. It is not meant to recognise or judge people."""
MATCHES = """\
It matches two pictures that each show one object of the same kind, by a map from every place of
one to a place of the other. It gives a match for every place, also where there is none: behind
other objects, on the background, and between pictures of different things. Categories that it was
not trained on, strong differences of viewpoint, and fine detail (the map has one value per cell of
the network's grid) are its weak sides."""


def write_card(found: runs.Run, out: Path) -> str:
    """Writes the card of a model folder, unless another one is there; tells which there is."""
    path, text = out / CARD, card(found, runs.read_json(out / inference.CONFIG))
    if path.exists() and path.read_text("utf-8") != text:
        return f"{path} was there and stays, of whatever model: delete it for a new one"
    runs.replace_text(path, text)
    return str(path)


def card(found: runs.Run, model: dict[str, Any]) -> str:
    """The card as Markdown.

    Args:
      found: the run that was exported.
      model: the description of the exported model.
    """
    trained_on = model["trained_on"]
    data = catalogue.find(trained_on["data"])
    terms = others_terms(found, data)
    uses = {"landmarks": LANDMARKS} if finds_landmarks(model) else {}
    uses |= {"correspondence": MATCHES} if matches_pictures(model) else {}
    parts = {
        "Use": usage(model),
        "Training": training(found, model),
        "Data": f"{data.title}: {data.about}. From: {data.source}. Licence: {data.licence}.",
        "Results": results_text(found),
        "Intended use and limits": "\n\n".join(uses.values()),
        "Licence": licence(terms),
    }
    head = (
        f"---\nlibrary_name: c3jax\nlicense: {'other' if terms else 'apache-2.0'}\n"
        f"pipeline_tag: keypoint-detection\ntags: [{', '.join(['jax', 'flax', *uses])}]\n---\n\n"
        f"# {found.folder.name}\n\n"
        f"A network of {' and '.join(uses)} for pictures of {model['image_size']} px, "
        f"learned without annotated points by `experiments.{trained_on['experiment']}` of c3jax."
    )
    return "\n\n".join([head, *(f"## {title}\n\n{text}" for title, text in parts.items())]) + "\n"


def usage(model: dict[str, Any]) -> str:
    """The commands and the functions that read the model."""
    lines = []
    if finds_landmarks(model):
        lines += [
            "c3jax detect --checkpoint FOLDER PICTURES",
            'c3jax.inference.load("FOLDER").landmarks(images)',
            'c3jax.inference.load("FOLDER").find(images)  # and how sure it is',
        ]
    if matches_pictures(model):
        lines += [
            "c3jax align --checkpoint FOLDER SOURCE TARGET",
            'c3jax.inference.load_aligner("FOLDER").align(source, target)',
        ]
    return "FOLDER holds this file.\n\n" + "\n".join(f"    {line}" for line in lines)


def training(found: runs.Run, model: dict[str, Any]) -> str:
    """What was trained, and from what."""
    trained_on, config = model["trained_on"], found.described["config"]
    start = ""
    if config.get("init_from"):
        start = f" It began with the parameters of {Path(config['init_from']).name}."
    elif source := source_of_trunk(config):
        start = f" Its trunk, {config['model']['trunk']}, began with {source} weights."
    if "trunk_file" in model:
        start += f" It is still as {model['trunk_file']['package']} has it. {packages.CREDIT}"
    return (
        f"Preset {trained_on['preset']}, seed {trained_on['seed']}, {trained_on['steps']:,} steps."
        f"{start}"
    )


def source_of_trunk(config: dict[str, Any]) -> str:
    """Whose weights a trunk began with, by the configuration of its run; '' for none."""
    trunk = config["model"]["trunk"]
    if config["model"].get("family") == "imm" or trunk == "small":
        return ""
    return "DINOv2" if trunk.startswith("dinov2") else "ImageNet"


def results_text(found: runs.Run) -> str:
    """The first table of each measurement in the run's report: baselines and protocol."""
    path = found.folder / "results.json"
    if not path.exists():
        return "The run was not measured: it has no results.json."
    results = runs.read_json(path)
    text = [f"Measured at step {results['steps']:,}; the report of the run says more."]
    for section in result_sections(results, found.described["config"].get("landmarks")):
        if section.tables:
            table = section.tables[0]
            text += [f"### {section.title}", as_markdown(table), *filter(None, [table.note])]
    return "\n\n".join(text)


def others_terms(found: runs.Run, data: catalogue.DataSet) -> list[str]:
    """Whose terms, besides our own, the weights are under."""
    config = found.described["config"]
    terms = [] if data.licence == OWN_LICENCE else [data.title]
    terms += [catalogue.find("voc2012").title] if config["data"].get("voc_path") else []
    if config.get("init_from"):
        return [*terms, f"the run {Path(config['init_from']).name}"]
    source = source_of_trunk(config)
    return [*terms, *([f"{source} (the trunk)"] if source else [])]


def licence(terms: Sequence[str]) -> str:
    """What may be done with the numbers in the file."""
    if not terms:
        return "Apache 2.0, as c3jax."
    return (
        "The code that made and reads this model is Apache 2.0. What may be done with the weights "
        f"depends on the terms of what they were learned from: {', '.join(terms)}."
    )
