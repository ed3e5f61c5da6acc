"""Makes reviews-{snappy,gzip,zstd}.parquet: 300 rows as pandas would write them, in row groups of 100.

    python3 parquet.py        (pyarrow)
"""

import pyarrow as pa
import pyarrow.parquet as pq

rows = range(300)
table = pa.table({
    "id": pa.array(rows, pa.int64()),
    "text": [("good, “really” " if i % 2 == 0 else "schlecht für 😀 ") + str(i) for i in rows],
    "label": ["pos" if i % 2 == 0 else "neg" for i in rows],
})
for codec in ["snappy", "gzip", "zstd"]:
    pq.write_table(table, f"reviews-{codec}.parquet", compression=codec, row_group_size=100)
