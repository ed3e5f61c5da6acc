"""Makes the golden files of imported models: tiny classifiers of four families with random weights, exported to ONNX in
the ways that models on the Hub were exported, with the logits, the loss and the gradient of every weight by autograd in float64.

    python make.py          (torch 2.13, transformers 5.18, onnx 1.23, onnxruntime 1.30, safetensors 0.8)

A folder for each family:
    config.json, model.safetensors   the checkpoint as transformers writes it
    gradients.safetensors            d loss / d weight, computed in float64, stored as float32
    golden.json                      the batch, the labels, logits and loss, and for each export which weight an initializer holds
    *.onnx                           exports; the name says exporter, attention and opset
"""

import json
import os
import shutil
import sys
import warnings

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from safetensors.torch import save_file
from transformers import (
    BertConfig, BertForSequenceClassification,
    DistilBertConfig, DistilBertForSequenceClassification,
    RobertaConfig, RobertaForSequenceClassification,
    XLMRobertaConfig, XLMRobertaForSequenceClassification,
)

warnings.filterwarnings("ignore")
HERE = os.path.dirname(os.path.abspath(__file__))
LABELS = ["negative", "neutral", "positive"]
common = dict(vocab_size=60, id2label=dict(enumerate(LABELS)), label2id={l: i for i, l in enumerate(LABELS)})
bertish = dict(hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32)
FAMILIES = {
    "distilbert": (DistilBertForSequenceClassification, DistilBertConfig(
        **common, dim=16, n_layers=2, n_heads=2, hidden_dim=32, max_position_embeddings=24)),
    "bert": (BertForSequenceClassification, BertConfig(**common, **bertish, max_position_embeddings=24)),
    "roberta": (RobertaForSequenceClassification, RobertaConfig(
        **common, **bertish, max_position_embeddings=26, type_vocab_size=1, pad_token_id=1, bos_token_id=0, eos_token_id=2)),
    "xlm-roberta": (XLMRobertaForSequenceClassification, XLMRobertaConfig(
        **common, **bertish, max_position_embeddings=26, type_vocab_size=1, pad_token_id=1, bos_token_id=0, eos_token_id=2)),
}
EXPORTS = {
    "distilbert": [("script", "eager", 11), ("script", "eager", 14), ("script", "sdpa", 17), ("dynamo", "sdpa", 18)],
    "bert": [("script", "eager", 12), ("script", "sdpa", 14), ("dynamo", "eager", 18), ("dynamo", "sdpa", 18)],
    "roberta": [("script", "eager", 14), ("script", "sdpa", 18), ("dynamo", "sdpa", 18)],
    "xlm-roberta": [("script", "sdpa", 14)],
}


def randomise(model, seed):
    """Every weight random, layer norms and biases too, so that no two tensors are equal and no gradient is hidden by a zero."""
    generator = torch.Generator().manual_seed(seed)
    for name, weight in model.named_parameters():
        spread = torch.randn(weight.shape, generator=generator)
        norm = "LayerNorm.weight" in name or "layer_norm.weight" in name
        weight.data = 1 + 0.1 * spread if norm else 0.25 * spread
    return model


def batch(family):
    generator = np.random.default_rng(7)
    lengths = [9, 5, 7]
    ids = np.full((3, 9), 1 if "roberta" in family else 0)
    mask = np.zeros((3, 9), dtype=np.int64)
    for row, length in enumerate(lengths):
        ids[row, :length] = generator.integers(4, 60, length)
        mask[row, :length] = 1
    types = np.zeros_like(ids)  # as of every text alone
    return torch.tensor(ids), torch.tensor(mask), torch.tensor(types), torch.tensor([2, 0, 1])


class Plain:
    """While it holds, the model's forward takes the inputs that optimum's exports have, in their order, and returns the logits alone."""

    def __init__(self, model, names):
        self.model, self.names = model, names

    def __enter__(self):
        whole, names = self.model.forward, self.names
        if len(names) == 3:
            self.model.forward = lambda input_ids, attention_mask, token_type_ids: whole(
                input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids).logits
        else:
            self.model.forward = lambda input_ids, attention_mask: whole(input_ids=input_ids, attention_mask=attention_mask).logits

    def __exit__(self, *_):
        del self.model.forward


def strip(path):
    """Takes out what names files of the machine that exported."""
    proto = onnx.load(path)
    for node in proto.graph.node:
        node.doc_string = ""
        del node.metadata_props[:]
    del proto.graph.metadata_props[:]
    for value in list(proto.graph.input) + list(proto.graph.output) + list(proto.graph.value_info) + list(proto.graph.initializer):
        value.doc_string = ""
        del value.metadata_props[:]
    onnx.save(proto, path)
    return proto


def export(model, names, example, exporter, opset, path):
    if exporter == "script":
        axes = {n: {0: "batch_size", 1: "sequence_length"} for n in names}
        with Plain(model, names):
            torch.onnx.export(
                model, example, path, dynamo=False, opset_version=opset, input_names=names, output_names=["logits"],
                dynamic_axes={**axes, "logits": {0: "batch_size"}}, do_constant_folding=True)
    else:
        b, t = torch.export.Dim("batch_size", min=2, max=64), torch.export.Dim("sequence_length", min=2, max=20)
        with Plain(model, names):
            torch.onnx.export(
                model, example, path, dynamo=True, external_data=False, input_names=names, output_names=["logits"], verbose=False,
                opset_version=opset, dynamic_shapes={n: {0: b, 1: t} for n in names})
    return strip(path)


def holds(proto, weights):
    """Which weight each float initializer holds: [name, transposed]. An Identity of an initializer is a weight of its own."""
    found = {}
    initializers = {tensor.name: numpy_helper.to_array(tensor) for tensor in proto.graph.initializer}
    for node in proto.graph.node:
        if node.op_type == "Identity" and node.input[0] in initializers and node.output[0] in weights:
            found[node.output[0]] = [node.output[0], False]
    for tensor in proto.graph.initializer:
        values = initializers[tensor.name]
        if values.dtype != np.float32 or values.size < 2:
            continue
        if tensor.name in weights:
            found[tensor.name] = [tensor.name, False]
            continue
        for name, weight in weights.items():
            if weight.shape == values.shape and np.array_equal(weight, values):
                found[tensor.name] = [name, False]
                break
            if weight.ndim == 2 and weight.T.shape == values.shape and np.array_equal(weight.T, values):
                found[tensor.name] = [name, True]
                break
        else:
            print("   no weight is equal to", tensor.name, values.shape, file=sys.stderr)
    return found


def variants(folder, kind, config, names, example, golden):
    """What is read for serving and refused for fine-tuning; and an export of a fresh model, whose equal weights share one initializer."""
    from onnxruntime.transformers import float16
    from onnxruntime.quantization import QuantType, quantize_dynamic
    from onnxruntime.transformers import optimizer

    plain = os.path.join(folder, "script-sdpa-17.onnx")
    at = lambda name: os.path.join(folder, name)
    onnx.save(float16.convert_float_to_float16(onnx.load(plain), keep_io_types=True), at("half.onnx"))
    quantize_dynamic(plain, at("quantized.onnx"), weight_type=QuantType.QInt8, per_channel=True, extra_options={"MatMulConstBOnly": True})
    optimizer.optimize_model(plain, model_type="bert", num_heads=2, hidden_size=16, opt_level=0).save_model_to_file(at("fused.onnx"))
    onnx.save(onnx.load(plain), at("external.onnx"), save_as_external_data=True, location="external.onnx_data", size_threshold=0)
    torch.manual_seed(3)
    fresh = kind(config).eval()
    fresh.set_attn_implementation("sdpa")
    export(fresh, names, example, "script", 14, at("shared.onnx"))
    golden["exports"]["shared.onnx"] = holds(onnx.load(at("shared.onnx")), {n: w.detach().numpy() for n, w in fresh.named_parameters()})
    loss = torch.nn.functional.cross_entropy(fresh.double()(**dict(zip(names, example))).logits, torch.tensor(golden["labels"]))
    loss.backward()
    save_file({n: w.grad.float().contiguous() for n, w in fresh.named_parameters()}, at("shared.gradients.safetensors"))
    golden["sharedLoss"] = float(loss)


def main():
    for family, (kind, config) in FAMILIES.items():
        folder = os.path.join(HERE, family)
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        torch.manual_seed(1)
        model = randomise(kind(config).eval(), 11)
        ids, mask, types, labels = batch(family)
        names = ["input_ids", "attention_mask"] + (["token_type_ids"] if family == "bert" else [])
        values = dict(input_ids=ids, attention_mask=mask, token_type_ids=types)
        model.save_pretrained(folder)
        for extra in os.listdir(folder):
            if extra not in ("config.json", "model.safetensors"):
                os.remove(os.path.join(folder, extra))

        exact = randomise(kind(config).eval(), 11).double()
        exact.load_state_dict({k: v.double() for k, v in model.state_dict().items()})
        out = exact(**{n: values[n] for n in names})
        loss = torch.nn.functional.cross_entropy(out.logits, labels)
        loss.backward()
        gradients = {n: (w.grad if w.grad is not None else torch.zeros_like(w)).float().contiguous() for n, w in exact.named_parameters()}
        save_file(gradients, os.path.join(folder, "gradients.safetensors"))
        single = torch.nn.functional.cross_entropy(model(**{n: values[n] for n in names}).logits, labels)
        single.backward()
        worst = max(
            (float((w.grad - gradients[n]).abs().max() / gradients[n].abs().max()), n)
            for n, w in model.named_parameters() if w.grad is not None and gradients[n].abs().max() > 1e-9)
        golden = dict(
            inputs={n: values[n].tolist() for n in names}, labels=labels.tolist(), logits=out.logits.tolist(), loss=float(loss),
            torchFloat32Error=worst, exports={})
        weights = {n: w.detach().numpy() for n, w in model.named_parameters()}
        for exporter, attention, opset in EXPORTS[family]:
            file = f"{exporter}-{attention}-{opset}.onnx"
            try:
                model.config._attn_implementation = attention
                model.set_attn_implementation(attention)
                proto = export(model, names, tuple(values[n] for n in names), exporter, opset, os.path.join(folder, file))
            except Exception as problem:
                print(family, file, "FAILED", repr(problem)[:300], file=sys.stderr)
                continue
            golden["exports"][file] = holds(proto, weights)
            import onnxruntime
            got = onnxruntime.InferenceSession(os.path.join(folder, file)).run(None, {n: values[n].numpy() for n in names})[0]
            print(family, file, {o.domain: o.version for o in proto.opset_import}, len(proto.graph.node), "nodes", len(golden["exports"][file]), "of", len(weights),
                  os.path.getsize(os.path.join(folder, file)), "bytes, |Δ|", float(np.abs(got - out.logits.detach().numpy()).max()))
        if family == "distilbert":
            variants(folder, kind, config, names, tuple(values[n] for n in names), golden)
        with open(os.path.join(folder, "golden.json"), "w") as file:
            json.dump(golden, file)


main()
