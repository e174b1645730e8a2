"""Makes model.onnx of this folder: a logistic regression on one matrix of thirteen numbers, whose coefficients are drawn by a seed.

It is there to be fast, not right. Run it only to change it:

    python3 -m venv venv && venv/bin/pip install onnx==1.19.0 numpy==2.3.2 && venv/bin/python make_model.py
"""

from pathlib import Path

import numpy as np
from onnx import TensorProto, checker, helper, numpy_helper, save

FEATURES = 13
rng = np.random.default_rng(7)
weights = (rng.normal(size=(FEATURES, 1)) * 1e-4).astype(np.float32)


def const(name, values, kind=np.float32):
    return numpy_helper.from_array(np.array(values, dtype=kind), name)


nodes = [
    helper.make_node("MatMul", ["X", "weights"], ["sum"]),
    helper.make_node("Add", ["sum", "bias"], ["logit"]),
    helper.make_node("Sigmoid", ["logit"], ["positive"]),
    helper.make_node("Sub", ["one", "positive"], ["negative"]),
    helper.make_node("Concat", ["negative", "positive"], ["probabilities"], axis=1),
    helper.make_node("GreaterOrEqual", ["positive", "half"], ["above"]),
    helper.make_node("Cast", ["above"], ["label_column"], to=TensorProto.INT64),
    helper.make_node("Squeeze", ["label_column", "axes"], ["label"]),
]
graph = helper.make_graph(
    nodes,
    "linear_matrix",
    [helper.make_tensor_value_info("X", TensorProto.FLOAT, [None, FEATURES])],
    [
        helper.make_tensor_value_info("label", TensorProto.INT64, [None]),
        helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [None, 2]),
    ],
    [
        numpy_helper.from_array(weights, "weights"),
        const("bias", [-1.2]),
        const("one", [1.0]),
        const("half", [0.5]),
        const("axes", [1], np.int64),
    ],
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
model.ir_version = 8
checker.check_model(model)
save(model, Path(__file__).parent / "model.onnx")
