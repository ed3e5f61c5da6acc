"""Golden values for the telemetry features: pandas' rolling statistics over 300 s, with the values filled forward
inside of the window, and the share of missing samples.

    python telemetry.py > telemetry.json
"""
import json
import sys

import numpy as np
import pandas as pd

WINDOW = pd.Timedelta("300s")
METRICS = ["bytes_in", "bytes_out", "packets_in", "packets_out", "latency"]
g = np.random.default_rng(7)
rows = 260
# Uneven steps, a gap longer than the window, and one of every thing that can go wrong with a value.
steps = g.choice([5.0, 10.0, 10.0, 10.0, 31.0], rows)
steps[120] = 900.0
at = np.cumsum(np.round(steps * 1000)).astype(np.int64)
values = np.round(g.gamma(2.0, 100.0, (rows, 5)), 3)
values[:, 2:4] = g.poisson(3, (rows, 2))
values[:4, 1] = np.nan
values[40:50, 0] = np.nan
values[60:125, 3] = np.nan
values[70, 4] = 1e9
values[80:90, 4] = 12.5
values[150:200, 4] = 0.25
values[g.random((rows, 5)) < 0.03] = np.nan

frame = pd.DataFrame(values, columns=METRICS, index=pd.to_datetime(at, unit="ms"))
features = {}
filled = pd.DataFrame(index=frame.index)
for name in METRICS:
    column = frame[name]
    known = pd.Series(frame.index, index=frame.index).where(column.notna()).ffill()
    fresh = (frame.index.to_series() - known) < WINDOW
    filled[name] = column.ffill().where(fresh)
for name in METRICS:
    window = filled[name].rolling(WINDOW, min_periods=1)
    features[f"{name}_value"] = filled[name]
    # One window at a time, with two passes: pandas' running std keeps the rounding of a spike that has left.
    features[f"{name}_mean"] = window.apply(lambda x: x[~np.isnan(x)].mean(), raw=True)
    features[f"{name}_std"] = window.apply(lambda x: x[~np.isnan(x)].std(ddof=1) if (~np.isnan(x)).sum() > 1 else np.nan, raw=True)
    features[f"{name}_min"] = window.min()
    features[f"{name}_max"] = window.max()
    features[f"{name}_q75"] = window.quantile(0.75, interpolation="linear")
    features[f"{name}_missing"] = frame[name].isna().astype(float).rolling(WINDOW).mean()
for way in ("in", "out"):
    packets = filled[f"packets_{way}"]
    features[f"bytes_per_packet_{way}"] = (filled[f"bytes_{way}"] / packets).where(packets > 0)


def plain(column):
    return [None if np.isnan(x) else float(x) for x in column]


json.dump(
    {
        "made": f"pandas {pd.__version__}, numpy {np.__version__}",
        "metrics": METRICS,
        "at": at.tolist(),
        "values": [plain(row) for row in values],
        "features": {name: plain(column.to_numpy()) for name, column in features.items()},
    },
    sys.stdout,
)
