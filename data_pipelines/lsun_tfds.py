"""A category of LSUN as a TensorFlow data set. Imports TensorFlow.

From the database that `lsun` describes, in `manual_dir`; nothing is downloaded.
`manual_tfds.prepare` prepares it.
"""

import tensorflow_datasets as tfds

from data_pipelines import lsun
from data_pipelines.catalogue import instructions
from data_pipelines.published_lists import check_count


class Lsun(tfds.core.GeneratorBasedBuilder):
    """LSUN: the pictures of one category, as JPEG of quality 95, and their keys."""

    name = "lsun_database"  # TFDS has an `lsun` of its own
    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First release."}
    MANUAL_DOWNLOAD_INSTRUCTIONS = instructions(lsun.NAME)

    def _info(self):
        features = {
            "image": tfds.features.Image(shape=(None, None, 3), encoding_format="jpeg"),
            "name": tfds.features.Text(),
        }
        return tfds.core.DatasetInfo(
            builder=self,
            description=self.__doc__,
            features=tfds.features.FeaturesDict(features),
            disable_shuffling=True,  # the order of the keys
        )

    def _split_generators(self, dl_manager):
        pictures = lsun.lsun(dl_manager.manual_dir)
        if published := lsun.COUNTS.get(pictures.root.name):
            check_count(pictures.root, len(pictures.names), published, what="pictures")
        return {"train": self._generate_examples(pictures)}

    def _generate_examples(self, pictures: lsun.LsunPictures):
        for index, name in enumerate(pictures.names):
            yield index, {"image": pictures.picture(index), "name": name}
