"""Golden values for the linear text models: scikit-learn's optimum of a small logistic regression (two and three
labels), its smoothed IDF, and the naive-Bayes log-count ratios of Wang & Manning 2012.

    python linear.py > linear.json
"""
import json
import sys

import numpy as np
import sklearn
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression

texts = [
    "good film great story", "great cast good pace", "bad film awful story", "awful pace bad cast", "good but slow",
    "slow and bad", "a story about a film", "the cast is here", "great great great", "bad bad awful film",
    "the pace is slow", "good story here", "awful but here", "a film", "great pace and cast", "bad story and slow pace",
]
three = [2, 2, 0, 0, 2, 0, 1, 1, 2, 0, 1, 2, 0, 1, 2, 0]
two = [1, 1, 0, 0, 1, 0, 0, 1, 1, 0, 0, 1, 0, 1, 1, 0]
vectoriser = CountVectorizer(binary=True, token_pattern=r"[a-z]+", ngram_range=(1, 2))
rows = vectoriser.fit_transform(texts)


def optimum(labels, c):
    model = LogisticRegression(C=c, tol=1e-12, max_iter=10000).fit(rows, labels)
    logits = model.decision_function(rows)
    if logits.ndim == 2:
        logits = logits - logits.mean(axis=1, keepdims=True)
    return {"c": c, "logits": logits.tolist()}


tfidf = TfidfVectorizer(token_pattern=r"[a-z]+").fit(texts)
words = sorted(tfidf.vocabulary_)
counts = rows.toarray()
positive = np.array(two) == 1
p, q = 1 + counts[positive].sum(0), 1 + counts[~positive].sum(0)
ratio = np.log((p / p.sum()) / (q / q.sum()))
json.dump(
    {
        "sklearn": sklearn.__version__,
        "texts": texts,
        "two": {"labels": two, **optimum(two, 2.0)},
        "three": {"labels": three, **optimum(three, 0.5)},
        "idf": {word: float(tfidf.idf_[tfidf.vocabulary_[word]]) for word in words},
        "ratio": {name: float(ratio[i]) for name, i in vectoriser.vocabulary_.items()},
        "inPositive": {name: int(counts[positive][:, i].sum()) for name, i in vectoriser.vocabulary_.items()},
        "inNegative": {name: int(counts[~positive][:, i].sum()) for name, i in vectoriser.vocabulary_.items()},
    },
    sys.stdout,
    indent=1,
)
