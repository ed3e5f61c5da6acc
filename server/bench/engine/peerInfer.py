"""PyTorch's side of the inference bench: python peerInfer.py fp32|int8

DistilBERT's shape with random weights; int8 is torch's own dynamic quantisation of every linear layer. Says `ready`; then for
each {"rows": B, "length": T, "runs": N} answers with the seconds of each run.
"""

import json
import sys
import time

import torch
from transformers import DistilBertConfig, DistilBertForSequenceClassification

torch.set_num_threads(2)
torch.manual_seed(0)
model = DistilBertForSequenceClassification(DistilBertConfig(num_labels=2, attn_implementation="sdpa")).eval()
if sys.argv[1] == "int8":
    model = torch.ao.quantization.quantize_dynamic(model, {torch.nn.Linear}, dtype=torch.qint8)


def infer(ids, mask):
    began = time.perf_counter()
    model(input_ids=ids, attention_mask=mask)
    return time.perf_counter() - began


print("ready", flush=True)
with torch.inference_mode():
    for line in sys.stdin:
        asked = json.loads(line)
        shape = (asked["rows"], asked["length"])
        ids, mask = torch.randint(1000, 29000, shape), torch.ones(shape, dtype=torch.long)
        seconds = [infer(ids, mask) for _ in range(asked["runs"])]
        print(json.dumps({"seconds": seconds, "version": torch.__version__}), flush=True)
