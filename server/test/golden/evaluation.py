"""Makes evaluation.json: metrics by scikit-learn, for server/src/evaluation to be held to.

    python3 evaluation.py > evaluation.json        (scikit-learn 1.9.1, numpy 2; the version is in the file)

Cases: easy, ties in the scores, constant scores, an absent class, a label that is never predicted, certain and
wrong, few rows, imbalance. ECE is not in scikit-learn: here it is written from Guo et al. 2017 with np.digitize.
"""

import json
import warnings

import numpy as np
import sklearn
from sklearn import metrics

warnings.simplefilter("ignore")
rng = np.random.default_rng(20261120)


def ece(y, p, bins=15):
    confidence, hit = p.max(axis=1), p.argmax(axis=1) == y
    # right=True: bins (low, high]
    index = np.clip(np.digitize(confidence, np.arange(1, bins) / bins, right=True), 0, bins - 1)
    return sum(abs(hit[index == b].mean() - confidence[index == b].mean()) * (index == b).mean() for b in range(bins) if (index == b).any())


def case(name, y, p):
    y, p = np.asarray(y), np.asarray(p, dtype=float)
    labels = p.shape[1]
    predicted = p.argmax(axis=1)
    every = list(range(labels))
    present = sorted(set(y) | set(predicted))
    auc = None
    if len(set(y)) == labels:
        if labels == 2:
            auc = metrics.roc_auc_score(y, p[:, 1])
        else:
            auc = metrics.roc_auc_score(y, p, multi_class="ovr", labels=every)
    return {
        "name": name,
        "labels": labels,
        "actual": y.tolist(),
        "probabilities": p.ravel().tolist(),
        "expected": {
            "accuracy": metrics.accuracy_score(y, predicted),
            "macroRecall": metrics.balanced_accuracy_score(y, predicted),
            "macroF1": metrics.f1_score(y, predicted, average="macro", labels=present, zero_division=0),
            "logLoss": metrics.log_loss(y, p, labels=every),
            "brier": metrics.brier_score_loss(np.eye(labels)[y], p, scale_by_half=False) if labels > 2 else 2 * metrics.brier_score_loss(y, p[:, 1], pos_label=1),
            "ece": ece(y, p),
            "rocAuc": auc,
        },
        "confusion": metrics.confusion_matrix(y, predicted, labels=every).tolist(),
    }


def softmax(x):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def some(rows, labels, signal, weights=None):
    y = rng.choice(labels, size=rows, p=weights)
    return y, softmax(rng.normal(size=(rows, labels)) + signal * np.eye(labels)[y])


cases = []
cases.append(case("binary", *some(300, 2, 1.0)))
cases.append(case("three labels", *some(400, 3, 1.5)))
cases.append(case("twelve labels", *some(500, 12, 2.0)))
cases.append(case("imbalanced", *some(400, 3, 0.5, [0.9, 0.08, 0.02])))
y, p = some(300, 2, 1.0)
cases.append(case("ties", y, np.round(p, 1)))
y, p = some(300, 4, 1.0)
r = np.round(p * 8) + 1
cases.append(case("ties of four labels", y, r / r.sum(axis=1, keepdims=True)))
cases.append(case("constant scores", [0, 1, 1, 0, 1], [[0.25, 0.75]] * 5))
cases.append(case("an absent class", [0, 2, 0, 2, 2], softmax(rng.normal(size=(5, 3)))))
cases.append(case("one class only", [1, 1, 1], [[0.5, 0.5], [0.1, 0.9], [0.9, 0.1]]))
cases.append(case("never predicted", [0, 1, 2, 0], [[0.8, 0.1, 0.1], [0.6, 0.3, 0.1], [0.5, 0.2, 0.3], [0.9, 0.05, 0.05]]))
cases.append(case("certain, right and wrong", [0, 1, 0, 1], [[1, 0], [0, 1], [0, 1], [1, 0]]))
cases.append(case("perfect", [0, 1, 0, 1], [[1, 0], [0, 1], [1, 0], [0, 1]]))
cases.append(case("a single row", [1], [[0.3, 0.7]]))
cases.append(case("on the edges of the bins", [0, 0, 1, 1, 0], [[1 / 3 + 1 / 5, 2 / 3 - 1 / 5], [0.6, 0.4], [0.2, 0.8], [0.4, 0.6], [1, 0]]))

print(json.dumps({"sklearn": sklearn.__version__, "cases": cases}))
