"""PyTorch's side of the training benches: python peerLearn.py CASE fp32|bf16

Says `ready`; then for each {"steps": N} on its standard input runs so many (forward, loss, backward, clipping, AdamW, with
dropout), and answers with the seconds of each. The models are those of cases.ts.
"""

import json
import sys
import time

import torch
from torch import nn

torch.set_num_threads(2)
torch.manual_seed(0)


class Encoder(nn.Module):
    def __init__(self, vocabulary=8000, width=256, layers=4, heads=4, positions=128):
        super().__init__()
        self.word, self.position = nn.Embedding(vocabulary, width), nn.Parameter(torch.randn(positions, width) * 0.02)
        layer = nn.TransformerEncoderLayer(
            width, heads, 4 * width, dropout=0.1, activation="gelu", batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, layers, norm=nn.LayerNorm(width), enable_nested_tensor=False)
        self.output = nn.Linear(width, 2)

    def forward(self, ids):
        return self.output(self.encoder(self.word(ids) + self.position).mean(1))


class Lstm(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(12, 64, 2, batch_first=True)
        self.head = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 1))

    def forward(self, x):
        return self.head(self.lstm(x)[0][:, -1])


class DistilBert(nn.Module):
    def __init__(self):
        super().__init__()
        from transformers import DistilBertConfig, DistilBertForSequenceClassification

        self.model = DistilBertForSequenceClassification(DistilBertConfig(num_labels=2, attn_implementation="sdpa"))

    def forward(self, ids):
        return self.model(input_ids=ids).logits


classes = lambda rows: torch.randint(0, 2, (rows,))
CASES = {
    "encoder": (Encoder, lambda: (torch.randint(0, 8000, (32, 128)), classes(32)), nn.CrossEntropyLoss()),
    "distilbert": (DistilBert, lambda: (torch.randint(1000, 30000, (16, 128)), classes(16)), nn.CrossEntropyLoss()),
    "lstm": (Lstm, lambda: (torch.randn(64, 60, 12), classes(64).float()[:, None]), nn.BCEWithLogitsLoss()),
}
make, draw, loss_of = CASES[sys.argv[1]]
model = make().train()
optimiser = torch.optim.AdamW(model.parameters(), lr=1e-4)
batches = [draw() for _ in range(4)]
losses = []


def learn(turn):
    x, y = batches[turn % 4]
    began = time.perf_counter()
    optimiser.zero_grad()
    with torch.autocast("cpu", torch.bfloat16, enabled=sys.argv[2] == "bf16"):
        loss = loss_of(model(x), y)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimiser.step()
    losses.append(loss.item())
    return time.perf_counter() - began


print("ready", flush=True)
for line in sys.stdin:
    seconds = [learn(turn) for turn in range(json.loads(line)["steps"])]
    print(json.dumps({"seconds": seconds, "firstLoss": losses[0], "lastLoss": losses[-1], "version": torch.__version__}), flush=True)
