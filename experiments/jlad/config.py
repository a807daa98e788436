"""Configuration of the joint experiment; its presets are in `experiments/jlad/recipe.py`."""

from dataclasses import dataclass, field, replace
from typing import Any

from c3jax.tools.errors import UsageError, check_least
from data_pipelines.load import AlignmentDataConfig, DataConfig
from experiments.engine.networks import Trunk, TrunkConfig
from experiments.engine.runs import RunConfig
from experiments.engine.stages import LossWeights, StageConfig, constant
from experiments.terms.synthetic_pairs import WarpConfig

MARGINS = {10: 0.05, 15: 0.03, 20: 0.025, 30: 0.02}


@dataclass(frozen=True)
class ModelConfig(TrunkConfig):
    """Architecture (JLAD 3.2)."""

    trunk: Trunk = "resnet101"
    train_trunk: bool = True
    """whether a pretrained trunk learns too (`small` is always trained, `dinov2_s14` never)"""
    trunk_widths: tuple[int, int, int, int] | None = None
    """small: channels of its layers, other than those of the architecture"""
    stages: tuple[str, ...] = ("layer3",)
    """stages that make up F, on the grid of the first, each at unit length if several"""
    radius: int = 5
    """of the windows, in cells"""
    alignment_channels: tuple[int, ...] = (64, 128, 256, 512)
    """of W_A, at each resolution"""
    alignment_kernel: int = 9
    """side of its first and last kernel"""
    uncertainty_channels: tuple[int, ...] = (128, 64)
    """of W_C"""
    detection_channels: tuple[int, ...] = (256, 256)
    """of W_D"""
    iterations: int = 1
    """times that W_A looks at the pair, warped by the field so far (more: beyond the paper)"""
    start_temperature: float | None = None
    """W_A and W_C add to mean and spread of the match in the window, by the softmax of Eq. 3 at
    this temperature (beyond the paper)"""


@dataclass(frozen=True)
class LossConfig(LossWeights):
    """Weights of the terms; those of synthetic pairs come first.

    By default Eq. 1 is a mean over anchors, Eq. 2, 8, 9 and 10 are means over landmarks and Eq. 6
    over cells, so that weights do not depend on their number. Eq. 10 stays a sum over cells, most
    of which are 0: of unit sum, maps that do not meet cost about as much on any grid. JLAD's
    weights are for its printed sums (`sums`): of means, {1, 10, 10} would act as {102, 10, 1024}
    for K = 10 on 32x32 cells. JLAD prints neither lambda_con nor lambda_sep: 1 is ours.
    """

    anchors: float = 0.0
    """Eq. 1, on cells of the object"""
    equivariance: float = 0.0
    """Eq. 2"""
    features: float = 0.0
    """cross-entropy of the plain correlation on known matches, which teaches a trunk of one's own
    (beyond the paper)"""
    likelihood: float = 0.0
    """of the errors of the field under sigma, on all cells (beyond the paper)"""
    detection: float = 0.0
    """lambda_D of Eq. 11, on synthetic pairs or else on pairs of objects"""
    alignment: float = 0.0
    """lambda_A"""
    joint: float = 0.0
    """lambda_J"""
    concentration: float = 1.0
    """lambda_con, in L_D"""
    separation: float = 1.0
    """lambda_sep, in L_D"""
    unit_maps: bool = False
    """maps of Eq. 10 add up to 1 each, so that they cannot agree by fading into the background
    (beyond the paper)"""
    sums: bool = False
    """Eq. 1, 2, 6, 8, 9 and 10 are the sums that JLAD prints, over anchors, landmarks and cells"""
    temperature: float = 0.1
    """of the scores of Eq. 7 (1 in the paper, with which they stay near uniform)"""

    def part(self, name: str) -> "LossConfig":
        """The terms of one network and its trunk alone."""
        others = {
            "alignment": ("equivariance", "detection"),
            "detection": ("anchors", "likelihood", "alignment"),
        }
        without: dict[str, Any] = dict.fromkeys(("joint", *others[name]), 0.0)
        return replace(self, **without)

    @property
    def synthetic(self) -> bool:
        """Whether a term of synthetic pairs has a weight."""
        return bool(self.anchors or self.likelihood or self.equivariance or self.features)

    @property
    def of_pairs(self) -> bool:
        """Whether a term of pairs of objects has a weight."""
        return bool(self.alignment or self.joint)


@dataclass(frozen=True)
class RoundsConfig:
    """The alternation: each round is a turn of the alignment and one of the detection."""

    count: int = 4
    """rounds"""
    alignment_steps: int = 500
    """of each turn of W_F, W_A and W_C"""
    detection_steps: int = 500
    """of each turn of W_F and W_D"""
    batch_size: int = 16
    """pairs over all devices"""
    learning_rate: float = 1e-4
    late_learning_rate: float = 1e-5
    late_from: int = 3
    """the round from which on the late learning rate holds"""


@dataclass(frozen=True)
class Config(RunConfig):
    """Joint learning of semantic alignment and landmark detection (JLAD).

    On pairs of objects or, with --data.name rendered_faces, folder, labelled, celeb_a or another of
    the data of c3_faces, on pairs of any two pictures; the options of the data are those of either.
    """

    data: AlignmentDataConfig | DataConfig = field(default_factory=AlignmentDataConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    warp: WarpConfig = field(default_factory=WarpConfig)
    landmarks: int = 10
    """number of landmarks"""
    margin: float | None = None
    """c of Eq. 9; by default the paper's for 10, 15 and 30 landmarks, .025 for 20"""
    uncertainty: bool = True
    """without it sigma is 1 ("wo/UM")"""
    unmatched: bool = False
    """sigma also tells what has no match: exchanged backgrounds teach it, in `likelihood`, and W_C
    sees the source's features; needs masks of the objects (beyond the paper)"""
    self_similarity: bool = True
    """without it landmarks are found by the features alone ("wo/SS")"""
    separate: bool = False
    """no joint learning: in its turn each network learns by its own terms, under the same weights
    and from the same pictures, the detection on a trunk of its own, so that a trunk that learns
    gets the updates of one turn in place of both. Others' principles: --alignment-loss.alignment 0,
    synthetic anchors alone (CNNGeo); --no-uncertainty --alignment-loss.anchors 0
    --alignment-loss.likelihood 0, Eq. 6 at sigma = 1 (RTNs); --detection-loss.detection 0,
    equivariance alone (FPE)"""
    pretrain: StageConfig = constant(steps=None, epochs=5, batch_size=16, learning_rate=1e-3)
    """both networks, on synthetic pairs"""
    rounds: RoundsConfig = field(default_factory=RoundsConfig)
    """the alternation, on pairs of objects of one category"""
    pretrain_loss: LossConfig = LossConfig(anchors=1.0, equivariance=1.0)
    alignment_loss: LossConfig = LossConfig(detection=1.0, alignment=10.0, joint=10.0)
    """of the turns of the alignment"""
    detection_loss: LossConfig = LossConfig(detection=10.0, alignment=1.0, joint=100.0)
    """of the turns of the detection"""
    check_every: int = 500
    checkpoint_every: int = 500

    def check(self, num_devices: int) -> None:
        """Refuses what cannot be trained.

        Raises:
          UsageError: names the option.
        """
        check_least("--landmarks", self.landmarks, 2)
        check_least("--rounds.count", self.rounds.count, 0)
        check_least("--rounds.alignment-steps", self.rounds.alignment_steps, 1)
        check_least("--rounds.detection-steps", self.rounds.detection_steps, 1)
        check_least("--rounds.batch-size", self.rounds.batch_size, 1)
        for stage in ("pretrain", "alignment", "detection"):
            weights = self.loss_of(stage)
            if not (weights.synthetic or weights.of_pairs):
                raise UsageError(
                    f"--{stage}-loss.* has no weight in the stage {stage}: give one to anchors, "
                    "likelihood, features or equivariance (synthetic pairs), or to alignment or "
                    "joint (pairs of objects)"
                )
        taught = self.pretrain_loss.likelihood or self.alignment_loss.likelihood
        if self.unmatched and not (self.uncertainty and self.warp.background and taught):
            raise UsageError(
                "--unmatched needs --uncertainty, --warp.background above 0, and a weight of "
                "--pretrain-loss.likelihood or --alignment-loss.likelihood"
            )
        if self.margin is None and self.landmarks not in MARGINS:
            raise UsageError(
                f"there is no margin for {self.landmarks} landmarks (published for 10, 15 and 30, "
                "ours for 20): give --margin, the squared distance in [-1, 1] units from which on "
                "two may stand"
            )

    @property
    def trunk_learns(self) -> bool:
        """Whether any stage moves the trunk."""
        wanted = self.model.train_trunk or not self.model.pretrained
        return wanted and not self.model.always_frozen

    def loss_of(self, stage: str) -> LossConfig:
        """Weights of a stage; of separate networks each has its own terms of it.

        Where a turn has no known matches (`paper`) they go on with those of the pre-training.
        """
        weights: LossConfig = getattr(self, f"{stage}_loss")
        if not self.separate or stage == "pretrain":
            return weights
        return (weights if weights.synthetic else self.pretrain_loss).part(stage)

    @property
    def landmark_margin(self) -> float:
        """c of Eq. 9."""
        return MARGINS[self.landmarks] if self.margin is None else self.margin

    def variant(self, preset: "Config | None" = None) -> str:
        """What tells ablations apart; `joint` for none."""
        switched = {
            "separate": self.separate,
            "no-uncertainty": not self.uncertainty,
            "unmatched": self.unmatched,
            "no-self-similarity": not self.self_similarity,
        }
        return "-".join(name for name, on in switched.items() if on) or "joint"
