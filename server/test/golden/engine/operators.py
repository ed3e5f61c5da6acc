"""Makes operators.json: for each operator, random operands, its result, and the gradients of Σ y∘weights by autograd.

    python operators.py          (torch 2.13; float64, the operands rounded to float32)

The cases have the names that server/src/engine/autodiff/golden.test.ts builds them by.
"""

import json
import os

import torch
from torch.nn import functional as F

generator = torch.Generator().manual_seed(42)


def draw(shape, positive=False):
    x = torch.randn(shape, generator=generator, dtype=torch.float64).float().double()
    return (x.abs() + 0.25).float().double() if positive else x


def attention(q, k, v, mask, bias):
    """dropout(softmax(q·kᵀ/√d + bias))·v"""
    p = torch.softmax(q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5 + bias, -1)
    return (p * mask) @ v


def pick_rows(table):
    return table[torch.tensor([3, 0, 3, 4, 3])]


CASES = {
    "Abs": (torch.abs, (3, 4)),
    "Add": (torch.add, (2, 3, 4), (3, 1)),
    "Clip": (lambda x: x.clamp(-0.5, 1), (5, 5)),
    "Concat": (lambda a, b: torch.cat([a, b], 1), (2, 3, 2), (2, 1, 2)),
    "Div": (torch.div, (2, 3, 4), "+", (4,)),
    "Erf": (torch.erf, (4, 5)),
    "Exp": (torch.exp, (4, 5)),
    "Expand": (lambda x: x.expand(3, 4, 2), (4, 1)),
    "FusedMatMul": (lambda a, b: 0.3 * a.transpose(-1, -2) @ b.transpose(-1, -2), (2, 4, 3), (5, 2, 6, 4)),
    "Gather": (pick_rows, (5, 3)),
    "Gather of one": (lambda x: x[:, -2], (3, 4, 2)),
    "Gelu": (F.gelu, (6, 6)),
    "Gelu by tanh": (lambda x: F.gelu(x, approximate="tanh"), (6, 6)),
    "Gemm": (lambda a, b, c: 0.5 * a.T @ b.T + c, (4, 3), (5, 4), (5,)),
    "LayerNormalization": (lambda x, w, b: F.layer_norm(x, (7,), w, b, 1e-5), (3, 2, 7), (7,), (7,)),
    "Log": (torch.log, "+", (4, 5)),
    "LogSoftmax": (lambda x: torch.log_softmax(x, -1), (3, 6)),
    "MatMul": (torch.matmul, (2, 3, 4), (4, 5)),
    "MatMul of batches": (torch.matmul, (2, 1, 3, 4), (3, 4, 5)),
    "Max": (torch.maximum, (4, 5), (5,)),
    "Min": (torch.minimum, (4, 5), (5,)),
    "Mul": (torch.mul, (2, 3, 4), (2, 1, 1)),
    "Neg": (torch.neg, (4,)),
    "Pad": (lambda x: F.pad(x, (1, 2)), (3, 4)),
    "Pow": (torch.pow, "+", (3, 4), (4,)),
    "Reciprocal": (torch.reciprocal, "+", (4, 5)),
    "ReduceMean": (lambda x: x.mean((0, 2)), (2, 3, 4)),
    "ReduceSum": (lambda x: x.sum(1, keepdim=True), (2, 3, 4)),
    "Relu": (torch.relu, (5, 5)),
    "Sigmoid": (torch.sigmoid, (4, 5)),
    "Slice": (lambda x: x[:, 1:3], (3, 4, 2)),
    "Softmax": (lambda x: torch.softmax(x, 1), (3, 6, 2)),
    "Softplus": (F.softplus, (4, 5)),
    "Split": (lambda x: torch.split(x, [1, 3, 2], 1)[1], (3, 6)),
    "Sqrt": (torch.sqrt, "+", (4, 5)),
    "Sub": (torch.sub, (3, 4), (2, 3, 4)),
    "Tanh": (torch.tanh, (4, 5)),
    "Transpose": (lambda x: x.permute(2, 0, 1), (2, 3, 4)),
    "Where": (lambda a, b: torch.where(a > b, 2 * a, b), (3, 4), (4,)),
    "attention": (attention, (2, 3, 4, 5), (2, 3, 6, 5), (2, 3, 6, 5), (2, 3, 4, 6), (2, 1, 1, 6)),
    "cross-entropy": (lambda x, t: -(torch.log_softmax(x, -1) * t).sum(-1), (5, 4), (5, 4)),
}

golden = {}
for name, (function, *operands) in CASES.items():
    inputs = []
    positive = False
    for operand in operands:
        if operand == "+":
            positive = True
            continue
        inputs.append(draw(operand, positive).requires_grad_())
        positive = False
    y = function(*inputs)
    weights = draw(y.shape)
    (y * weights).sum().backward()
    plain = lambda t: {"shape": list(t.shape), "values": [float(f"{x:.9g}") for x in t.detach().flatten().tolist()]}
    golden[name] = {
        "operands": [plain(x) for x in inputs],
        "weights": plain(weights),
        "y": plain(y),
        "gradients": [plain(x.grad) for x in inputs],
    }

path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "operators.json")
with open(path, "w") as file:
    file.write("{\n" + ",\n".join(f"{json.dumps(name)}: {json.dumps(case)}" for name, case in golden.items()) + "\n}\n")
print(len(golden), "cases,", os.path.getsize(path), "bytes")
