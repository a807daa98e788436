"""Labelled pairs as TensorFlow data sets, readable through tf.data and by index.

`pf_willow`, `pf_pascal`, `spair`, `pascal3d` and `pairs_csv`, each from the files that its reader
describes, in `manual_dir`; nothing is downloaded. `manual_tfds.prepare` prepares them. Imports
TensorFlow.
"""

import abc
from pathlib import Path
from typing import get_args

import numpy as np
import tensorflow_datasets as tfds

from data_pipelines import pascal3d, pf_pascal, spair
from data_pipelines.catalogue import instructions
from data_pipelines.manual_tfds import encoded_picture
from data_pipelines.pairs import Annotated, Pairs, Pictures, mirror
from data_pipelines.pairs_csv import pairs_csv
from data_pipelines.pf_willow import pf_willow

TABLE = "pairs.csv"


class LabelledPairs(tfds.core.GeneratorBasedBuilder):
    """Examples are pairs, in the order of their list.

    `source_image` and `target_image` are the files' contents where they are upright 8-bit JPEG or
    PNG, else PNG. Points and boxes are those of the pictures as stored: mirror them where `flipped`
    (see `data_pipelines.pairs`). A box is NaN and the points are none where they are not known.
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First release."}

    @staticmethod
    @abc.abstractmethod
    def read(folder) -> dict[str, Pairs]:
        """The pairs of each split."""

    def _info(self):
        of_a_picture = {
            "image": tfds.features.Image(shape=(None, None, 3)),
            "name": tfds.features.Text(),
            "points_px": tfds.features.Tensor(shape=(None, 2), dtype=np.float32),
            "box_px": tfds.features.Tensor(shape=(4,), dtype=np.float32),
        }
        features = {
            f"{side}_{name}": feature
            for side in ("source", "target")
            for name, feature in of_a_picture.items()
        }
        features |= {"category": tfds.features.Text(), "flipped": tfds.features.Scalar(np.bool_)}
        return tfds.core.DatasetInfo(
            builder=self,
            description=self.__doc__,
            features=tfds.features.FeaturesDict(features),
            disable_shuffling=True,  # the order of the list
        )

    def _split_generators(self, dl_manager):
        splits = self.read(dl_manager.manual_dir)
        return {split: self._generate_examples(pairs) for split, pairs in splits.items()}

    def _generate_examples(self, pairs):
        for index, flipped in enumerate(pairs.flipped.tolist()):
            category = pairs.categories[index] if pairs.categories else ""
            source = _features("source", _annotated(pairs.source, index, flipped))
            target = _features("target", _annotated(pairs.target, index, flipped))
            yield index, source | target | {"category": category, "flipped": flipped}


class PfWillow(LabelledPairs):
    """PF-WILLOW: all ordered pairs within each sub-class."""

    MANUAL_DOWNLOAD_INSTRUCTIONS = instructions("pf_willow")

    @staticmethod
    def read(folder):
        return {"test": pf_willow(folder)}


class PfPascal(LabelledPairs):
    """PF-PASCAL: the published training, validation and test pairs."""

    MANUAL_DOWNLOAD_INSTRUCTIONS = instructions("pf_pascal")

    @staticmethod
    def read(folder):
        return {split: pf_pascal.pf_pascal(folder, split) for split in get_args(pf_pascal.Split)}


class Spair(LabelledPairs):
    """SPair-71k: the published training, validation and test pairs."""

    MANUAL_DOWNLOAD_INSTRUCTIONS = instructions(spair.NAME)

    @staticmethod
    def read(folder):
        return {split: spair.spair(folder, split) for split in spair.SPLITS}


class Pascal3d(LabelledPairs):
    """PASCAL3D+ as `pascal3d.write_pairs` has written it: crops from similar viewpoints."""

    MANUAL_DOWNLOAD_INSTRUCTIONS = "What data_pipelines.pascal3d.write_pairs writes."

    @staticmethod
    def read(folder):
        return {split: pairs_csv(Path(folder) / f"{split}.csv") for split in pascal3d.SHARES}


class PairsCsv(LabelledPairs):
    """Own pairs, from a table."""

    MANUAL_DOWNLOAD_INSTRUCTIONS = f"{TABLE}, and the pictures that it names."

    @staticmethod
    def read(folder):
        return {"pairs": pairs_csv(Path(folder) / TABLE)}


def _annotated(pictures: Pictures, index: int, flipped: bool) -> Annotated:
    """One picture with the points and the box of its file."""
    picture = Annotated(
        pictures.files[index],
        None if pictures.points_px is None else pictures.points_px[index],
        None if pictures.boxes_px is None else pictures.boxes_px[index],
    )
    return mirror(picture, pictures.sizes[index, 0]) if flipped else picture


def _features(side: str, picture: Annotated) -> dict:
    points_px = np.zeros((0, 2)) if picture.points_px is None else picture.points_px
    box_px = np.full(4, np.nan) if picture.box_px is None else picture.box_px
    return {
        f"{side}_image": encoded_picture(picture.file),
        f"{side}_name": picture.file.name,
        f"{side}_points_px": points_px.astype(np.float32),
        f"{side}_box_px": box_px.astype(np.float32),
    }
