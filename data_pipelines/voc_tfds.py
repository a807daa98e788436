"""The segmented pictures of PASCAL VOC 2012 as a TensorFlow data set. Imports TensorFlow.

From the files that `voc` describes, in `manual_dir`; nothing is downloaded. `manual_tfds.prepare`
prepares them.
"""

import numpy as np
import tensorflow_datasets as tfds

from data_pipelines import voc
from data_pipelines.catalogue import instructions
from data_pipelines.manual_tfds import encoded_picture


class Voc2012(tfds.core.GeneratorBasedBuilder):
    """PASCAL VOC 2012, segmentation: pictures, masks of classes and objects, boxes.

    Masks have the background as 0 and the border of objects as 255; boxes are (x0, y0, x1, y1),
    edges counted from 0.
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First release."}
    MANUAL_DOWNLOAD_INSTRUCTIONS = instructions(voc.NAME)

    def _info(self):
        objects = {
            "category": tfds.features.ClassLabel(names=voc.CATEGORIES),
            "box_px": tfds.features.Tensor(shape=(4,), dtype=np.float32),
        }
        mask = tfds.features.Image(shape=(None, None, 1), encoding_format="png")
        features = {
            "image": tfds.features.Image(shape=(None, None, 3)),
            "name": tfds.features.Text(),
            "classes": mask,
            "instances": mask,
            "objects": tfds.features.Sequence(objects),
        }
        return tfds.core.DatasetInfo(
            builder=self,
            description=self.__doc__,
            features=tfds.features.FeaturesDict(features),
            disable_shuffling=True,  # the order of the list
        )

    def _split_generators(self, dl_manager):
        splits = {split: voc.voc(dl_manager.manual_dir, split) for split in ("train", "val")}
        return {split: self._generate_examples(found) for split, found in splits.items()}

    def _generate_examples(self, found: voc.Segmented):
        for index, name in enumerate(found.names):
            classes, instances = found.masks(index)
            categories, boxes = found.objects(index)
            yield (
                index,
                {
                    "image": encoded_picture(found.root / "JPEGImages" / f"{name}.jpg"),
                    "name": name,
                    "classes": classes[..., None],
                    "instances": instances[..., None],
                    "objects": {"category": list(categories), "box_px": boxes.astype(np.float32)},
                },
            )
