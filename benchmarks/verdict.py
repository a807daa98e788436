"""`python -m benchmarks.verdict RUN/checkpoints/STEP...`: is the verdict without labels right?

Of each checkpoint `follow` x `same_spot`, and the error that labels tell; of all of them the rank
correlation (-1: the better score always has the smaller error), and of two at the same step how
often the better score has the smaller error. The score is of the pictures that the regressor of the
error is fitted on, the error of the others.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tyro
from scipy import stats

from benchmarks.report import check_out
from c3jax.tools.errors import UsageError
from c3jax.tools.measure.evaluation import evaluate_landmarks
from c3jax.tools.outputs import json_text
from experiments import evaluate
from experiments.engine import cli
from experiments.measure.self_check import NUM_PICTURES
from experiments.registry import load_trained
from experiments.show.verdict import check_photos

LINE = "{run} {step:,}: score {score:.3f} ({verdict}), error {error:.2f} %"


@dataclass(frozen=True)
class Options(evaluate.Options):
    """Compare the verdict with the error, over checkpoints of runs on one kind of data."""

    checkpoint: tyro.conf.Positional[tuple[Path, ...]] = ()  # type: ignore[assignment]
    """steps of runs, RUN/checkpoints/STEP"""
    out: Path | None = None
    """file for the same as JSON"""


def main() -> None:
    """Prints a line for each checkpoint, and what they say together."""
    options = tyro.cli(Options, prog="python -m benchmarks.verdict")
    check_out(options.out)
    if len(options.checkpoint) < 2:
        raise UsageError(f"give two checkpoints or more, got {len(options.checkpoint)}")
    rows = []
    for path in options.checkpoint:
        rows.append(judge(path, options.given()))
        print(LINE.format(**rows[-1]), flush=True)
    found = {"rank_correlation": rank_correlation(rows), "ordered": ordered(rows), "rows": rows}
    print(f"rank correlation {found['rank_correlation']:.2f}, ordered rightly {found['ordered']}")
    if options.out is not None:
        options.out.write_text(json_text(found, indent=2) + "\n", encoding="utf-8")


def judge(path: Path, given: dict[str, Any]) -> dict[str, Any]:
    """Score, verdict and error of a checkpoint, on the data of its run or those that are given."""
    trained = load_trained(path)
    subject = evaluate.of_run(path, trained)
    data = subject.load(evaluate.data_config(given, subject), training=False)
    check = check_photos(trained.find_landmarks, data.fit.images[:NUM_PICTURES])
    error = evaluate_landmarks(trained.find_landmarks, None, data.fit, data.test)["nme_percent"]
    if check["same_spot"] is None:
        raise UsageError(f"{path}: no score without same_spot, {check['reason']}")
    score = (check["follow"] or 0.0) * check["same_spot"]
    run = path.parent.parent.name
    return {"run": run, "step": trained.step, "score": score, "error": error} | check


def rank_correlation(rows: Sequence[dict[str, Any]]) -> float:
    """Spearman's, of score and error."""
    return float(stats.spearmanr(*([row[each] for row in rows] for each in ("score", "error")))[0])


def ordered(rows: Sequence[dict[str, Any]]) -> dict[str, float | None]:
    """Pairs of rows at one step, and in how many the better score has the smaller error."""
    pairs = [(a, b) for a, b in itertools.combinations(rows, 2) if a["step"] == b["step"]]
    right = [(a["score"] - b["score"]) * (a["error"] - b["error"]) < 0 for a, b in pairs]
    percent = 100 * sum(right) / len(pairs) if pairs else None
    return {"pairs": len(pairs), "right": sum(right), "percent": percent}


if __name__ == "__main__":
    cli.guarded(main)
