"""Golden values for integrated gradients: of the tiny classifiers in ../imported, in float64, with 4,000 midpoint steps
along the straight path between the word embeddings of a baseline and of a text.

    python make.py > integrated.json          (torch 2.13, transformers 5.18)
"""
import json
import os
import sys

import torch
from safetensors.torch import load_file
from transformers import (
    BertConfig, BertForSequenceClassification,
    DistilBertConfig, DistilBertForSequenceClassification,
    RobertaConfig, RobertaForSequenceClassification,
)

IMPORTED = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "imported")
FAMILIES = {
    "distilbert": (DistilBertForSequenceClassification, DistilBertConfig, 0),
    "bert": (BertForSequenceClassification, BertConfig, 0),
    "roberta": (RobertaForSequenceClassification, RobertaConfig, 1),
}
STEPS = 4000
result = {}
for family, (kind, config, pad) in FAMILIES.items():
    folder = os.path.join(IMPORTED, family)
    model = kind(config.from_pretrained(folder, attn_implementation="eager"))
    model.load_state_dict(load_file(os.path.join(folder, "model.safetensors")), strict=False)
    model = model.double().eval()
    ids = torch.tensor([[4, 31, 9, 55, 17, 42, 5]])
    # The first and the last token stand for special ones, which stay.
    baseline = torch.tensor([[4, pad + 2, pad + 2, pad + 2, pad + 2, pad + 2, 5]])
    table = model.get_input_embeddings().weight
    x, x0 = table[ids].detach(), table[baseline].detach()
    seen = {}

    def along_path(module, args, output):
        return seen["embeddings"]

    # The ids are read as they are (positions follow from them); only the word embeddings are replaced.
    model.get_input_embeddings().register_forward_hook(along_path)

    def logits(alphas):
        e = (x0 + alphas[:, None, None] * (x - x0)).requires_grad_(True)
        seen["embeddings"] = e
        rows = len(alphas)
        z = model(input_ids=ids.expand(rows, -1), attention_mask=torch.ones(rows, ids.shape[1], dtype=torch.long)).logits
        return z - z.mean(1, keepdim=True), e

    labels = model.config.num_labels
    total = torch.zeros(ids.shape[1], labels, dtype=torch.float64)
    middles = (torch.arange(STEPS, dtype=torch.float64) + 0.5) / STEPS
    for alphas in middles.split(500):
        z, e = logits(alphas)
        for k in range(labels):
            (gradient,) = torch.autograd.grad(z[:, k].sum(), e, retain_graph=True)
            total[:, k] += (gradient * (x - x0)).sum(2).sum(0) / STEPS
    ends, _ = logits(torch.tensor([0.0, 1.0], dtype=torch.float64))
    error = (total.sum(0) - (ends[1] - ends[0])).abs().max()
    print(family, "completeness", float(error.detach()), file=sys.stderr)
    result[family] = {
        "ids": ids[0].tolist(),
        "baseline": baseline[0].tolist(),
        "padId": pad,
        "attributions": total.tolist(),
        "baselineLogits": ends[0].tolist(),
        "logits": ends[1].tolist(),
    }
json.dump(result, sys.stdout)
