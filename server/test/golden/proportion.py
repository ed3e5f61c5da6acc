"""Makes proportion.json: Wilson's intervals by scipy, for server/src/stats/proportion.ts to be held to.

    python3 proportion.py > proportion.json
"""

import json

import scipy
from scipy.stats import binomtest

cases = [(0, 1), (1, 1), (0, 23), (23, 23), (22, 23), (1, 30), (15, 30), (29, 30), (100, 100), (3, 1000), (997, 1000), (68123, 100000)]
rows = []
for hits, trials in cases:
    found = binomtest(hits, trials).proportion_ci(confidence_level=0.95, method="wilson")
    rows.append({"hits": hits, "trials": trials, "low": found.low, "high": found.high})
print(json.dumps({"scipy": scipy.__version__, "cases": rows}, indent=1))
