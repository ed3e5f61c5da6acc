"""Makes the ONNX files of this folder with the onnx package, and says in forms.json what they hold. (onnx 1.23)

    python onnx_files.py          forms.onnx, outside.onnx + outside.bin, refused-*.onnx, forms.json
    python onnx_files.py check    holds ours.onnx, which Barometer's encoder wrote, to onnx's own checker
"""
import json
import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

HERE = Path(__file__).parent
FLOAT, INT64, BOOL = TensorProto.FLOAT, TensorProto.INT64, TensorProto.BOOL

# One tensor of each type that a text model may have, raw and in the typed fields.
VALUES = {
    "float32": (TensorProto.FLOAT, [0.0, -1.5, 3.4e38, 1e-45, float("inf"), 0.1]),
    "float64": (TensorProto.DOUBLE, [0.1, -1e300, 5e-324, 2.5, 0.0, -0.0]),
    "float16": (TensorProto.FLOAT16, [0.1, -65504.0, 6e-8, 1.0, 0.0, 2.0]),
    "bfloat16": (TensorProto.BFLOAT16, [1.0, -2.0, 3.140625, 0.0, 1e38, -1e-38]),
    "int64": (TensorProto.INT64, [0, -1, 2**63 - 1, -(2**63), 2**53 + 1, 300]),
    "int32": (TensorProto.INT32, [0, -1, 2**31 - 1, -(2**31), 7, 300]),
    "int16": (TensorProto.INT16, [0, -1, 32767, -32768, 7, 300]),
    "int8": (TensorProto.INT8, [0, -1, 127, -128, 7, 100]),
    "uint64": (TensorProto.UINT64, [0, 1, 2**64 - 1, 2**63, 7, 300]),
    "uint32": (TensorProto.UINT32, [0, 1, 2**32 - 1, 2**31, 7, 300]),
    "uint16": (TensorProto.UINT16, [0, 1, 65535, 32768, 7, 300]),
    "uint8": (TensorProto.UINT8, [0, 1, 255, 128, 7, 100]),
    "bool": (TensorProto.BOOL, [0, 1, 1, 0, 1, 0]),
}


def little_endian(tensor):
    return numpy_helper.to_array(tensor).tobytes().hex()


def tensors():
    made = []
    for name, (kind, values) in VALUES.items():
        typed = helper.make_tensor(f"typed.{name}", kind, [2, 3], values)
        raw = numpy_helper.from_array(numpy_helper.to_array(typed), f"raw.{name}")
        raw.data_type = kind
        assert raw.raw_data and not typed.raw_data
        made += [typed, raw]
    made.append(helper.make_tensor("scalar", FLOAT, [], [2.5]))
    made.append(helper.make_tensor("empty", FLOAT, [0, 4], []))
    return made


def forms():
    info = helper.make_tensor_value_info
    branch = lambda name, value: helper.make_graph(
        [helper.make_node("Constant", [], [f"{name}_out"], value_float=value)],
        name,
        [],
        [info(f"{name}_out", FLOAT, [])],
    )
    slices = np.array([2**63 - 1], dtype=np.int64)
    nodes = [
        helper.make_node("If", ["condition"], ["chosen"], then_branch=branch("then", 1.5), else_branch=branch("else", -2.0)),
        helper.make_node("Slice", ["x", "starts", "ends"], ["part"], name="to the end"),
        helper.make_node("Clip", ["part", "", "scalar"], ["clipped"]),
        helper.make_node("Transpose", ["clipped"], ["turned"], perm=[1, 0]),
        helper.make_node("Gelu", ["turned"], ["gelu"], approximate="tanh"),
        helper.make_node("LeakyRelu", ["gelu"], ["leaky"], alpha=0.1),
        helper.make_node("Concat", ["leaky", "leaky"], ["joined"], axis=-1),
        helper.make_node("Add", ["joined", "chosen"], ["y"]),
        helper.make_node("Identity", ["y"], ["z"]),
    ]
    odd = helper.make_node("Odd", ["", "y"], ["odd", "", "odder"], name="odd", domain="com.example")
    odd.attribute.extend([
        helper.make_attribute("floats", [0.5, -1e-3]),
        helper.make_attribute("words", ["eins", "zwei — drei"]),
        helper.make_attribute("whole", [0, -1, 2**40, 2**63 - 1, -(2**63)]),
        helper.make_attribute("none", [], attr_type=onnx.AttributeProto.INTS),
        helper.make_attribute("table", numpy_helper.from_array(np.eye(2, dtype=np.float32), "table")),
        helper.make_attribute("one", -3),
        helper.make_attribute("half", 0.5),
        helper.make_attribute("word", "wort"),
    ])
    nodes.append(odd)
    graph = helper.make_graph(
        nodes,
        "forms",
        [info("x", FLOAT, ["rows", 4]), info("condition", BOOL, []), info("unknown", FLOAT, None), info("half", FLOAT, [None, 2])],
        [info("z", FLOAT, None)],
        tensors() + [numpy_helper.from_array(np.array([1], dtype=np.int64), "starts"), numpy_helper.from_array(slices, "ends")],
        value_info=[info("part", FLOAT, ["rows", 4]), helper.make_tensor_sequence_value_info("sequence", FLOAT, None)],
    )
    model = helper.make_model(
        graph,
        producer_name="golden",
        ir_version=10,
        opset_imports=[helper.make_opsetid("ai.onnx", 20), helper.make_opsetid("com.example", 3)],
    )
    helper.set_model_props(model, {"labels": "negative,positive", "note": "grüß"})
    return model


def shape_of(value):
    if not value.type.tensor_type.HasField("shape"):
        return None
    return [d.dim_value if d.HasField("dim_value") else (d.dim_param or None) for d in value.type.tensor_type.shape.dim]


def attribute(a):
    value = helper.get_attribute_value(a)
    if a.type == onnx.AttributeProto.TENSOR:
        return {"shape": list(value.dims), "bytes": little_endian(value)}
    if a.type == onnx.AttributeProto.GRAPH:
        return [n.op_type for n in value.node]
    if a.type == onnx.AttributeProto.STRING:
        return value.decode()
    if a.type == onnx.AttributeProto.STRINGS:
        return [v.decode() for v in value]
    if a.type in (onnx.AttributeProto.INT, onnx.AttributeProto.INTS):
        # JSON has doubles only; the ends of int64 are nearest to ±2^63.
        return [float(v) for v in value] if a.type == onnx.AttributeProto.INTS else float(value)
    return value if isinstance(value, float) else list(value)


def said(model):
    graph = model.graph
    return {
        "irVersion": model.ir_version,
        "opsets": {("" if o.domain == "ai.onnx" else o.domain): o.version for o in model.opset_import},
        "producer": model.producer_name,
        "metadata": {p.key: p.value for p in model.metadata_props},
        "name": graph.name,
        "inputs": [[v.name, shape_of(v)] for v in graph.input],
        "outputs": [[v.name, shape_of(v)] for v in graph.output],
        "values": [[v.name, shape_of(v)] for v in graph.value_info if v.type.HasField("tensor_type")],
        "nodes": [
            {"name": n.name, "op": n.op_type, "domain": n.domain, "inputs": list(n.input), "outputs": list(n.output),
             "attributes": {a.name: attribute(a) for a in n.attribute}}
            for n in graph.node
        ],
        "initializers": {t.name: {"shape": list(t.dims), "bytes": little_endian(t)} for t in graph.initializer},
    }


def outside():
    weights = numpy_helper.from_array(np.arange(6, dtype=np.float32).reshape(2, 3), "weights")
    bias = numpy_helper.from_array(np.array([1, 2, 3], dtype=np.float32), "bias")
    info = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node("Gemm", ["x", "weights", "bias"], ["y"])], "outside",
        [info("x", FLOAT, ["rows", 2])], [info("y", FLOAT, ["rows", 3])], [weights, bias],
    )
    return helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", 20)])


def refused():
    info = helper.make_tensor_value_info
    plain = lambda **more: helper.make_graph(
        [helper.make_node("Identity", ["x"], ["y"])], "g", [info("x", FLOAT, [1])], [info("y", FLOAT, [1])], **more)
    sparse = helper.make_sparse_tensor(
        helper.make_tensor("s", FLOAT, [1], [1.0]), helper.make_tensor("i", INT64, [1], [2]), [4])
    function = helper.make_function("local", "Twice", ["a"], ["b"], [helper.make_node("Add", ["a", "a"], ["b"])],
                                    [helper.make_opsetid("", 20)])
    strings = helper.make_tensor("words", TensorProto.STRING, [2], [b"a", b"b"])
    int4 = helper.make_tensor("int4", TensorProto.INT4, [2], [1, -2])
    sequence = helper.make_graph([], "g", [helper.make_tensor_sequence_value_info("x", FLOAT, None)], [])
    return {
        "sparse": helper.make_model(plain(sparse_initializer=[sparse])),
        "function": helper.make_model(plain(), functions=[function]),
        "strings": helper.make_model(plain(initializer=[strings])),
        "int4": helper.make_model(plain(initializer=[int4])),
        "sequence": helper.make_model(sequence),
    }


def main():
    model = forms()
    (HERE / "forms.onnx").write_bytes(model.SerializeToString(deterministic=True))
    (HERE / "forms.json").write_text(json.dumps(said(model), indent=1, ensure_ascii=False) + "\n")
    (HERE / "outside.bin").unlink(missing_ok=True)
    onnx.save_model(outside(), HERE / "outside.onnx", save_as_external_data=True, location="outside.bin", size_threshold=0)
    for name, bad in refused().items():
        (HERE / f"refused-{name}.onnx").write_bytes(bad.SerializeToString(deterministic=True))


def check():
    onnx.checker.check_model(str(HERE / "ours.onnx"), full_check=True)
    model = onnx.load(HERE / "ours.onnx")
    print(helper.printable_graph(model.graph))


check() if sys.argv[1:] == ["check"] else main()
