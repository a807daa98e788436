"""Annotated faces as TensorFlow data sets, readable through tf.data and by index.

`aflw`, `aflw_mtfl` and `w300`, each from the files that its reader describes, in `manual_dir`;
nothing is downloaded. `manual_tfds.prepare` prepares them. Imports TensorFlow.
"""

import abc
from collections.abc import Iterator

import numpy as np
import tensorflow_datasets as tfds

from data_pipelines import aflw, aflw_mtfl, w300
from data_pipelines.catalogue import instructions
from data_pipelines.faces import Faces
from data_pipelines.manual_tfds import encoded_picture


class AnnotatedFaces(tfds.core.GeneratorBasedBuilder):
    """Examples are faces, in the order of their list.

    `image` is the file's content where it is an upright 8-bit JPEG or PNG, else PNG. `box_px` is
    what the protocol cuts about (NaN for the whole picture).
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First release."}

    @staticmethod
    @abc.abstractmethod
    def read(folder) -> dict[str, Faces]:
        """The faces of each split."""

    def _info(self):
        features = {
            "image": tfds.features.Image(shape=(None, None, 3)),
            "name": tfds.features.Text(),
            "keypoints_px": tfds.features.Tensor(shape=(None, 2), dtype=np.float32),
            "box_px": tfds.features.Tensor(shape=(4,), dtype=np.float32),
        }
        return tfds.core.DatasetInfo(
            builder=self,
            description=self.__doc__,
            features=tfds.features.FeaturesDict(features),
            disable_shuffling=True,  # the order of the list
        )

    def _split_generators(self, dl_manager):
        splits = self.read(dl_manager.manual_dir)
        return {split: self._generate_examples(faces) for split, faces in splits.items()}

    def _generate_examples(self, faces: Faces) -> Iterator[tuple[int, dict]]:
        pictures = faces.pictures
        for index, (name, points) in enumerate(
            zip(pictures.names, faces.keypoints_px, strict=True)
        ):
            box = pictures.boxes.get(name, (np.nan,) * 4)
            yield (
                index,
                {
                    "image": encoded_picture(pictures.root / name),
                    "name": name,
                    "keypoints_px": points,
                    "box_px": np.array(box, np.float32),
                },
            )


class Aflw(AnnotatedFaces):
    """AFLW_R: the re-cropped release of AFLW."""

    MANUAL_DOWNLOAD_INSTRUCTIONS = instructions(aflw.NAME)

    @staticmethod
    def read(folder):
        return {split: aflw.aflw(folder, split) for split in aflw.SPLITS}


class AflwMtfl(AnnotatedFaces):
    """AFLW_M: AFLW in the crops of MTFL."""

    MANUAL_DOWNLOAD_INSTRUCTIONS = instructions(aflw_mtfl.NAME)

    @staticmethod
    def read(folder):
        return {split: aflw_mtfl.aflw_mtfl(folder, split) for split in aflw_mtfl.SPLITS}


class W300(AnnotatedFaces):
    """300-W: 68 points; `common+challenging` are its 689 test faces."""

    MANUAL_DOWNLOAD_INSTRUCTIONS = instructions(w300.NAME)

    @staticmethod
    def read(folder):
        return {split: w300.w300(folder, split) for split in w300.PARTS}
