"""Makes the golden files of engine/nn: tiny models with random weights, and the gradient of every weight by autograd in float64.

    python nn.py          (torch 2.13, transformers 5.18, safetensors 0.8)

A safetensors file a case: `w.NAME`, `g.NAME` (weights and gradients, NAME as in the checkpoint), `feed.NAME`, `logits`, `loss`.
The cases: classifiers of three families, one with norms first, masked words with a tied decoder, and the two-layer LSTM.
"""

import os

import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional as F
from transformers import (
    BertConfig, BertForMaskedLM, BertForSequenceClassification,
    DistilBertConfig, DistilBertForSequenceClassification,
    RobertaConfig, RobertaForSequenceClassification,
)

HERE = os.path.dirname(os.path.abspath(__file__))
VOCABULARY, WIDTH, LAYERS, HEADS, INNER, POSITIONS, LABELS = 20, 8, 2, 2, 16, 9, 3
ROWS, LENGTH = 3, 6
bertish = dict(vocab_size=VOCABULARY, hidden_size=WIDTH, num_hidden_layers=LAYERS, num_attention_heads=HEADS,
               intermediate_size=INNER, num_labels=LABELS)


def randomise(model, seed):
    """Every weight random, norms and biases too, so that no gradient is hidden by a zero."""
    generator = torch.Generator().manual_seed(seed)
    for name, weight in model.named_parameters():
        spread = torch.randn(weight.shape, generator=generator, dtype=torch.float64).float().double()
        norm = "norm" in name.lower() and name.endswith("weight")
        weight.data = (1 + 0.1 * spread if norm else 0.4 * spread).float().double()
    return model.double().eval()


def batch(pad):
    generator = torch.Generator().manual_seed(3)
    lengths = [6, 3, 5]
    ids, mask = torch.full((ROWS, LENGTH), pad), torch.zeros(ROWS, LENGTH, dtype=torch.long)
    for row, length in enumerate(lengths):
        ids[row, :length] = torch.randint(3, VOCABULARY, (length,), generator=generator)
        mask[row, :length] = 1
    return ids, mask


def save(case, model, feeds, logits, loss, names=lambda name: name):
    loss.backward()
    tensors = {f"feed.{name}": value for name, value in feeds.items()}
    for name, weight in model.named_parameters():
        gradient = weight.grad if weight.grad is not None else torch.zeros_like(weight)
        tensors[f"w.{names(name)}"] = weight.detach()
        tensors[f"g.{names(name)}"] = gradient
    tensors |= {"logits": logits.detach(), "loss": loss.detach().reshape(1)}
    whole = {n: (t if t.dtype == torch.long else t.float()).contiguous().clone() for n, t in tensors.items()}
    save_file(whole, os.path.join(HERE, f"{case}.safetensors"))
    print(case, loss.item())


def classifier(case, model, pad):
    """Class weights and label smoothing as torch.nn.CrossEntropyLoss means them."""
    ids, mask = batch(pad)
    labels = torch.tensor([2, 0, 1])
    logits = model(ids, mask)
    loss = F.cross_entropy(logits, labels, weight=torch.tensor([1.0, 2.0, 0.5], dtype=torch.float64), label_smoothing=0.1)
    save(case, model, {"input_ids": ids, "attention_mask": mask, "labels": labels}, logits, loss)


class Hub(nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, ids, mask):
        return self.model(input_ids=ids, attention_mask=mask).logits


def hub(case, model, pad, seed):
    wrapped = Hub(randomise(model, seed))
    wrapped.named_parameters = wrapped.model.named_parameters
    classifier(case, wrapped, pad)


class NormFirst(nn.Module):
    """torch.nn.TransformerEncoder with norms first, the mean over tokens, and the names that we give such a model."""

    def __init__(self):
        super().__init__()
        self.word, self.position = nn.Embedding(VOCABULARY, WIDTH), nn.Embedding(POSITIONS, WIDTH)
        layer = nn.TransformerEncoderLayer(WIDTH, HEADS, INNER, dropout=0.0, activation="gelu", batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, LAYERS, norm=nn.LayerNorm(WIDTH), enable_nested_tensor=False)
        self.classifier = nn.Linear(WIDTH, LABELS)

    def forward(self, ids, mask):
        x = self.word(ids) + self.position(torch.arange(ids.shape[1]))
        x = self.encoder(x, src_key_padding_mask=mask == 0)
        share = (mask / mask.sum(1, keepdim=True)).unsqueeze(-1)
        return self.classifier((x * share).sum(1))

    def named_parameters(self, *_, **__):
        """in_proj is query, key and value in one; their gradients are views of its."""
        for name, weight in super().named_parameters():
            if "in_proj" not in name:
                yield rename(name), weight
                continue
            for part, piece in zip(("query", "key", "value"), range(3)):
                kind = name.rsplit("_", 1)[1]
                view = weight.detach()[piece * WIDTH:(piece + 1) * WIDTH].clone()
                view.grad = None if weight.grad is None else weight.grad[piece * WIDTH:(piece + 1) * WIDTH]
                yield rename(name.split(".self_attn")[0]) + f".attention.self.{part}.{kind}", view


def rename(name):
    for ours, theirs in (("bert.embeddings.word_embeddings.weight", "word.weight"),
                         ("bert.embeddings.position_embeddings.weight", "position.weight"),
                         ("bert.encoder.LayerNorm", "encoder.norm"), ("bert.encoder.layer", "encoder.layers"),
                         (".attention.output.dense", ".self_attn.out_proj"), (".attention.output.LayerNorm", ".norm1"),
                         (".intermediate.dense", ".linear1"), (".output.dense", ".linear2"), (".output.LayerNorm", ".norm2")):
        name = name.replace(theirs, ours)
    return name


def norm_first():
    model = NormFirst()
    plain = super(NormFirst, model).named_parameters
    generator = torch.Generator().manual_seed(4)
    for name, weight in plain():
        spread = torch.randn(weight.shape, generator=generator)
        weight.data = (1 + 0.1 * spread if "norm" in name and name.endswith("weight") else 0.4 * spread)
    classifier("normFirst", model.double().train(), 0)


def masked_words():
    model = randomise(BertForMaskedLM(BertConfig(**bertish, max_position_embeddings=POSITIONS, attn_implementation="eager")), 5)
    ids, mask = batch(0)
    places, words = torch.tensor([1, 7, 13]), torch.tensor([4, 9, 19])
    logits = model(input_ids=ids, attention_mask=mask).logits.reshape(-1, VOCABULARY)[places]
    loss = F.cross_entropy(logits[:2], words[:2])
    feeds = {"input_ids": ids, "attention_mask": mask, "word_positions": places, "word_targets": words}
    save("maskedWords", model, feeds, logits, loss)


class Detector(nn.Module):
    """The reference anomaly detector: LSTM 2 × 64 → 32 → ReLU → 1, narrower here."""

    def __init__(self, features=3, units=4, hidden=5):
        super().__init__()
        self.lstm, self.hidden, self.output = nn.LSTM(features, units, 2, batch_first=True), nn.Linear(units, hidden), nn.Linear(hidden, 1)

    def forward(self, x):
        return self.output(F.relu(self.hidden(self.lstm(x)[0][:, -1])))


def lstm():
    model = randomise(Detector(), 6)
    window = torch.randn(5, 7, 3, generator=torch.Generator().manual_seed(8)).double()
    targets, weights = torch.tensor([[1.0], [0.0], [1.0], [1.0], [0.0]]).double(), torch.tensor([1.0, 1.0, 0.5, 1.0, 0.0]).double()
    logits = model(window)
    each = F.binary_cross_entropy_with_logits(logits, targets, reduction="none")[:, 0]
    loss = (each * weights).sum() / weights.sum()
    save("lstm", model, {"window": window, "targets": targets, "row_weights": weights}, logits, loss)


if __name__ == "__main__":
    hub("bert", BertForSequenceClassification(BertConfig(**bertish, max_position_embeddings=POSITIONS, attn_implementation="eager")), 0, 1)
    hub("distilbert", DistilBertForSequenceClassification(DistilBertConfig(
        vocab_size=VOCABULARY, dim=WIDTH, n_layers=LAYERS, n_heads=HEADS, hidden_dim=INNER, num_labels=LABELS,
        max_position_embeddings=POSITIONS, attn_implementation="eager")), 0, 2)
    hub("roberta", RobertaForSequenceClassification(RobertaConfig(
        **bertish, max_position_embeddings=POSITIONS, type_vocab_size=1, pad_token_id=1, attn_implementation="eager")), 1, 3)
    norm_first()
    masked_words()
    lstm()
