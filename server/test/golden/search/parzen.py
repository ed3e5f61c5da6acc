"""Log densities of Optuna's multivariate Parzen estimator, and of its parts by dimension.

python parzen.py > parzen.json          (optuna 5.0.0, numpy)

Whole numbers occur once each: which of two equal ones gets which width is left to the sort, there and here.
"""
import json
import sys

import numpy as np
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers._tpe.parzen_estimator import _ParzenEstimator, _ParzenEstimatorParameters
from optuna.samplers._tpe.sampler import default_weights

rng = np.random.RandomState(1)
WORDS = ["p", "q", "r"]
SPACE = {
    "a": FloatDistribution(0, 1),
    "b": FloatDistribution(1e-5, 1, log=True),
    "k": IntDistribution(1, 64),
    "n": IntDistribution(4, 256, log=True),
    "c": CategoricalDistribution(WORDS),
}


def draw(n):
    return {
        "a": rng.rand(n),
        "b": 10 ** rng.uniform(-5, 0, n),
        "k": rng.permutation(np.arange(1, 65))[:n],
        "n": rng.permutation(np.arange(4, 257))[:n],
        "c": rng.randint(0, 3, n),
    }


def rows(columns):
    form = {"a": float, "b": float, "k": int, "n": int, "c": lambda i: WORDS[int(i)]}
    return [{name: form[name](columns[name][i]) for name in form} for i in range(len(columns["a"]))]


parameters = _ParzenEstimatorParameters(
    prior_weight=1.0, consider_magic_clip=True, consider_endpoints=False, weights=default_weights, multivariate=True
)
result = []
for trials in (1, 5, 40):
    observed, points = draw(trials), draw(8)
    floats = lambda columns: {name: np.asarray(values, dtype=float) for name, values in columns.items()}
    estimator = _ParzenEstimator(floats(observed), SPACE, parameters)
    density = estimator.log_pdf(floats(points)).tolist()
    result.append({"observed": rows(observed), "points": rows(points), "logDensity": density})
json.dump(result, sys.stdout)
