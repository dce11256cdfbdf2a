"""The score on Olist beside gradient boosting on the same inputs: ranking, calibration, and a paired bootstrap.

    python benchmarks/score.py ../shared/data/olist

Both see, for each of the last 30 % of answers, only answers of earlier 30-day blocks and what came before the answer.
Gradient boosting (scikit-learn, histogram trees) gets every input of the score as a column: the plain sizes of all
impressions met, not its ramps. Three settings are tried; the best of them on the test answers is the one to beat.
"""

from __future__ import annotations

import argparse
import datetime as dt
import sys
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy.stats import rankdata
from sklearn.ensemble import HistGradientBoostingClassifier

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests" / "experience"))

import olist  # noqa: E402  (lies with the tests)

from regard.blueprint import Blueprint, ScoreSettings  # noqa: E402
from regard.engine import connect  # noqa: E402
from regard.experience import rolling, score  # noqa: E402
from regard.experience.model import Model  # noqa: E402
from regard.experience.rolling import Rolled, Told  # noqa: E402
from regard.experience.seen import Met  # noqa: E402

AS_OF = dt.datetime(2018, 10, 31, tzinfo=dt.UTC)
SETTINGS = (
    {"max_iter": 100, "learning_rate": 0.05, "max_leaf_nodes": 8},
    {"max_iter": 100, "learning_rate": 0.1, "max_leaf_nodes": 31},
    {"max_iter": 200, "learning_rate": 0.03, "max_leaf_nodes": 6, "min_samples_leaf": 50},
)
Floats = NDArray[np.float64]
Seen = tuple[Met, Model, NDArray[np.int64]]


def auc(p: Floats, y: NDArray[np.bool_]) -> float:
    n = int(y.sum())
    return float((rankdata(p)[y].sum() - n * (n + 1) / 2) / (n * (len(y) - n)))


def calibration(p: Floats, y: NDArray[np.bool_]) -> tuple[float, float, float]:
    """Error over ten equal-mass bins, and the slope of a logistic regression on the log-odds with its error."""
    bins = np.array_split(np.argsort(p, kind="stable"), 10)
    error = float(np.mean([abs(p[part].mean() - y[part].mean()) for part in bins]))
    x = np.column_stack([np.ones(len(p)), np.log(p / (1 - p))])
    b = np.array([0.0, 1.0])
    for _ in range(25):
        q = 1 / (1 + np.exp(-x @ b))
        information = (x * (q * (1 - q))[:, None]).T @ x
        b = b + np.linalg.solve(information, x.T @ (y - q))
    return error, float(b[1]), float(np.sqrt(np.linalg.inv(information)[1, 1]))


def plain(met: Met, model: Model) -> Floats:
    """The size of each kind met, as columns; missing where there was none (trees can take that)."""
    columns = np.full((met.n, len(model.kinds)), np.nan)
    for place, kind in enumerate(model.kinds):
        rows = met.of_kind.get(kind.code)
        if rows is not None:
            columns[met.ask[rows], place] = met.x[rows]  # the last one, where there are several
    return columns


def boosted(
    columns: Floats, detractor: NDArray[np.bool_], bounds: NDArray[np.int64], first: int, **how: float
) -> Floats:
    """Rolling predictions of gradient boosting, in the same blocks."""
    p = np.full(len(columns), np.nan)
    for start, end in pairwise(bounds.tolist()):
        if end <= first:
            continue
        tree = HistGradientBoostingClassifier(random_state=0, **how)
        tree.fit(columns[:start], detractor[:start])
        p[start:end] = tree.predict_proba(columns[start:end])[:, 1]
    return p


def answered(folder: Path, blueprint: Blueprint) -> tuple[pa.Table, dict[str, Seen]]:
    """Predictions of every answer with the order each is about, and what the rolling fit was given."""
    engine = connect("duckdb")
    seen: dict[str, Seen] = {}
    real = rolling.roll

    def watched(model: Model, told: Told, met: Callable[[int, int], Met], settings: ScoreSettings) -> Rolled:
        if len(told):
            seen[model.level] = (met(0, len(told)), model, rolling.edges(told.at_ms, settings.block_s))
        return real(model, told, met, settings)

    sys.modules["regard.experience.score"].roll = watched  # type: ignore[attr-defined]
    touches = olist.touches(folder, engine)
    found = score(touches, olist.promises(touches, engine, AS_OF), blueprint, engine, as_of=AS_OF).tables
    about = found["feedback"].select("feedback_id", "object_id")
    rows = engine.rows(found["predictions"].join(about, "feedback_id"))
    engine.close()
    return rows, seen


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="the folder with Olist's files")
    parser.add_argument("--resamples", type=int, default=1000)
    parser.add_argument("--peak-end", action="store_true", help="let the worst, the best and the last count for more")
    given = parser.parse_args()
    memory = replace(olist.BLUEPRINT.memory, peak_end=given.peak_end)
    rows, seen = answered(given.folder, replace(olist.BLUEPRINT, memory=memory))
    in_time = rows.take(pc.sort_indices(rows, [("at", "ascending"), ("feedback_id", "ascending")]))
    number = {name: place for place, name in enumerate(in_time["feedback_id"].to_pylist())}
    rows = rows.take(pc.sort_indices(rows, [("at", "ascending"), ("object_id", "ascending")]))
    last = {name: place for place, name in enumerate(rows["object_id"].to_pylist())}
    test = rows.take(sorted(last.values()))
    test = test.slice(int(test.num_rows * 0.7))
    places = np.array([number[name] for name in test["feedback_id"].to_pylist()])
    y, p = test["rating"].to_numpy() <= 2, test["p_detractor"].to_numpy()

    met, model, bounds = seen["transaction"]
    columns, everyone = plain(met, model), in_time["rating"].to_numpy() <= 2
    rivals = [boosted(columns, everyone, bounds, int(places.min()), **how)[places] for how in SETTINGS]
    best = max(range(len(rivals)), key=lambda place: auc(rivals[place], y))
    print(f"{len(y)} answers, {int(y.sum())} detractors; base rate {y.mean():.4f}\n")
    print("| model | AUC | calibration error | slope (95 %) |\n|---|---|---|---|")
    named = [("the score (additive)", p), *((f"boosting {how}", q) for how, q in zip(SETTINGS, rivals, strict=True))]
    for name, chance in named:
        error, slope, se = calibration(np.clip(chance, 1e-6, 1 - 1e-6), y)
        ends = f"{slope - 1.96 * se:.3f} to {slope + 1.96 * se:.3f}"
        print(f"| {name} | {auc(chance, y):.4f} | {error:.4f} | {slope:.3f} ({ends}) |")
    rng = np.random.default_rng(0)
    gaps = []
    for _ in range(given.resamples):
        draw = rng.integers(0, len(y), len(y))
        gaps.append(auc(p[draw], y[draw]) - auc(rivals[best][draw], y[draw]))
    low, high = np.quantile(gaps, [0.025, 0.975])
    gap = f"{np.mean(gaps):+.4f} (95 % {low:+.4f} to {high:+.4f})"
    print(f"\nAUC less that of the best boosting, paired bootstrap: {gap}")


if __name__ == "__main__":
    main()
