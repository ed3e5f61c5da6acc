"""Makes reviews-{snappy,gzip,zstd,lz4}.parquet: 300 rows as pandas would write them, in row groups of 100; and
labels-huggingface.parquet: ten rows whose labels are numbers, with their names beside them as `datasets` keeps them.

    python3 parquet.py        (pyarrow)
"""

import json

import pyarrow as pa
import pyarrow.parquet as pq

rows = range(300)
table = pa.table({
    "id": pa.array(rows, pa.int64()),
    "text": [("good, “really” " if i % 2 == 0 else "schlecht für 😀 ") + str(i) for i in rows],
    "label": ["pos" if i % 2 == 0 else "neg" for i in rows],
})
for codec in ["snappy", "gzip", "zstd", "lz4"]:
    pq.write_table(table, f"reviews-{codec}.parquet", compression=codec, row_group_size=100)

features = {"text": {"dtype": "string", "_type": "Value"}, "label": {"names": ["neg", "pos"], "_type": "ClassLabel"}}
few = pa.table({
    "text": [None if i == 7 else f"row {i}" for i in range(10)],
    "label": pa.array([i % 2 for i in range(10)], pa.int64()),
    "inner": [{"note": f"note {i}"} for i in range(10)],
})
few = few.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
pq.write_table(few, "labels-huggingface.parquet", compression="lz4")
