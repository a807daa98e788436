"""Separate learning differs from joint learning in the terms of the other network alone."""

from experiments.jlad.config import LossConfig
from tests.experiments.jlad.test_jlad import config, terms


def test_separate_networks_have_their_own_terms_under_the_weights_of_their_turns():
    known = {"anchors": 10.0, "likelihood": 5.0, "equivariance": 7.0, "features": 2.0}
    of_pairs = {"alignment": 3.0, "detection": 4.0, "joint": 6.0}
    turn = LossConfig(**known, **of_pairs)
    separate = config(separate=True, alignment_loss=turn, detection_loss=turn)
    alignment, detection = map(separate.loss_of, ("alignment", "detection"))
    assert alignment == LossConfig(anchors=10, likelihood=5, features=2, alignment=3)
    assert detection == LossConfig(equivariance=7, features=2, detection=4)
    printed = LossConfig(alignment=10.0, joint=10.0)  # no known matches, as in `paper`
    taught = LossConfig(anchors=1.0, equivariance=2.0)
    separate = config(separate=True, pretrain_loss=taught, alignment_loss=printed)
    assert separate.loss_of("alignment") == LossConfig(anchors=1.0)


def test_a_separate_detection_sees_the_pairs_that_a_joint_one_sees():
    turn = LossConfig(equivariance=1, detection=1, alignment=1, joint=1)
    joint, separate = terms(2, *(config(detection_loss=turn, separate=on) for on in (False, True)))
    assert {"equivariance", "detection"} <= set(separate)
    assert not {"alignment", "joint"} & set(separate) and {"alignment", "joint"} < set(joint)
    for name in ("equivariance", "detection"):
        assert float(separate[name]) == float(joint[name]) > 0
