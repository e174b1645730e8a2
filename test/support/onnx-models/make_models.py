"""Makes the small ONNX models that the tests of inference load. Seeded; run it only to change them.

    python3 -m venv venv && venv/bin/pip install -r requirements.txt && venv/bin/python make_models.py
"""

from pathlib import Path

import numpy as np
from onnx import TensorProto, checker, helper, numpy_helper, save
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression

HERE = Path(__file__).parent
OPSET = 17
ML_OPSET = 3
ROWS = 400


def write(name, model):
    checker.check_model(model)
    save(model, HERE / name)


def graph(name, nodes, inputs, outputs, initializers=()):
    model = helper.make_model(
        helper.make_graph(nodes, name, inputs, outputs, list(initializers)),
        opset_imports=[helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", ML_OPSET)],
    )
    model.ir_version = 8
    return model


def info(name, kind, shape):
    return helper.make_tensor_value_info(name, kind, shape)


def const(name, array):
    return numpy_helper.from_array(array, name)


def sklearn_models(rng):
    x = rng.normal(size=(ROWS, 4)).astype(np.float32)
    signal = x[:, 0] - 0.5 * x[:, 1] + 0.25 * x[:, 2] * x[:, 3]
    four = [("X", FloatTensorType([None, 4]))]
    opsets = {"": OPSET, "ai.onnx.ml": ML_OPSET}

    binary = GradientBoostingClassifier(n_estimators=20, max_depth=3, random_state=7).fit(x, (signal > 0).astype(int))
    write("matrix.onnx", to_onnx(binary, initial_types=four, options={"zipmap": False}, target_opset=opsets))

    classes = np.array(["high", "low", "mid"])[np.digitize(signal, [-0.5, 0.5]) - 1]
    several = LogisticRegression(max_iter=500, random_state=7).fit(x, classes)
    write("multiclass.onnx", to_onnx(several, initial_types=four, options={"zipmap": False}, target_opset=opsets))

    regression = LinearRegression().fit(x, signal)
    write("regression.onnx", to_onnx(regression, initial_types=four, target_opset=opsets))

    small = LogisticRegression(random_state=7).fit(x, (signal > 0).astype(int))
    write("zipmap.onnx", to_onnx(small, initial_types=four, options={"zipmap": True}, target_opset=opsets))


def columns_model():
    """carrier (text), distance (float, NaN = missing), hour (int64, 0..23: others fail the run), holiday (bool)."""
    nodes = [
        helper.make_node(
            "LabelEncoder", ["carrier"], ["carrier_f"], domain="ai.onnx.ml",
            keys_strings=["AA", "B6", "UA"], values_floats=[0.2, -0.3, 0.5], default_float=0.0,
        ),
        helper.make_node("IsNaN", ["distance"], ["distance_nan"]),
        helper.make_node("Where", ["distance_nan", "distance_fill", "distance"], ["distance_f"]),
        helper.make_node("Mul", ["distance_f", "distance_w"], ["distance_s"]),
        helper.make_node("Gather", ["hour_table", "hour"], ["hour_f"], axis=0),
        helper.make_node("Cast", ["holiday"], ["holiday_f"], to=TensorProto.FLOAT),
        helper.make_node("Sum", ["carrier_f", "distance_s", "hour_f", "holiday_f"], ["logit"]),
        helper.make_node("Sigmoid", ["logit"], ["p"]),
        helper.make_node("Sub", ["one", "p"], ["q"]),
        helper.make_node("Concat", ["q", "p"], ["probabilities"], axis=1),
        helper.make_node("ArgMax", ["probabilities"], ["label"], axis=1, keepdims=0),
    ]
    write("columns.onnx", graph(
        "columns", nodes,
        [info("carrier", TensorProto.STRING, ["N", 1]), info("distance", TensorProto.FLOAT, ["N", 1]),
         info("hour", TensorProto.INT64, ["N", 1]), info("holiday", TensorProto.BOOL, ["N", 1])],
        [info("label", TensorProto.INT64, ["N"]), info("probabilities", TensorProto.FLOAT, ["N", 2])],
        [const("distance_fill", np.array(700, np.float32)), const("distance_w", np.array(0.001, np.float32)),
         const("hour_table", np.linspace(-1, 1, 24).astype(np.float32)), const("one", np.array(1, np.float32))],
    ))


def echo_model():
    """Gives back what it was given, so that a test sees the tensor that the model saw."""
    kinds = {"text": TensorProto.STRING, "f32": TensorProto.FLOAT, "f64": TensorProto.DOUBLE,
             "i64": TensorProto.INT64, "i32": TensorProto.INT32, "flag": TensorProto.BOOL}
    inputs, outputs, nodes = [], [], []
    for name, kind in kinds.items():
        shape = ["N"] if name == "f64" else ["N", 1]
        inputs.append(info(name, kind, shape))
        outputs.append(info(f"seen_{name}", kind, shape))
        nodes.append(helper.make_node("Identity", [name], [f"seen_{name}"]))
    write("echo.onnx", graph("echo", nodes, inputs, outputs))


def wrong_row_count_model():
    """Sums over the rows: one value, however many rows are given."""
    node = helper.make_node("ReduceMean", ["X"], ["value"], axes=[0], keepdims=1)
    write("wrong_row_count.onnx", graph(
        "wrong_row_count", [node], [info("X", TensorProto.FLOAT, ["N", 1])], [info("value", TensorProto.FLOAT, [None, 1])],
    ))


def fixed_batch_model():
    """Exported for one row at a time."""
    node = helper.make_node("Identity", ["X"], ["value"])
    write("fixed_batch.onnx", graph(
        "fixed_batch", [node], [info("X", TensorProto.FLOAT, [1, 1])], [info("value", TensorProto.FLOAT, [1, 1])],
    ))


def heavy_model(rng):
    """Products of [2048,64] and [64,64] doubles for each row: several milliseconds at batch 1, from a small file."""
    w = rng.normal(scale=0.1, size=(64, 64))
    nodes = [
        helper.make_node("MatMul", ["X", "lift"], ["lifted"]),
        helper.make_node("Unsqueeze", ["lifted", "axis_1"], ["lifted_3"]),
        helper.make_node("Range", ["zero", "steps", "one"], ["range"]),
        helper.make_node("Unsqueeze", ["range", "axis_1"], ["ramp"]),
        helper.make_node("Mul", ["lifted_3", "ramp"], ["h0"]),
    ]
    for i in range(8):
        nodes += [helper.make_node("MatMul", [f"h{i}", "w"], [f"m{i}"]), helper.make_node("Relu", [f"m{i}"], [f"h{i + 1}"])]
    nodes += [
        helper.make_node("ReduceMean", ["h8"], ["value"], axes=[1, 2], keepdims=0),
    ]
    write("heavy.onnx", graph(
        "heavy", nodes, [info("X", TensorProto.DOUBLE, ["N", 4])], [info("value", TensorProto.DOUBLE, ["N"])],
        [const("lift", rng.normal(size=(4, 64))), const("w", w), const("axis_1", np.array([1], np.int64)),
         const("zero", np.array(0.0)), const("steps", np.array(2048.0)), const("one", np.array(1.0))],
    ))


def main():
    rng = np.random.default_rng(7)
    sklearn_models(rng)
    columns_model()
    echo_model()
    wrong_row_count_model()
    fixed_batch_model()
    heavy_model(rng)


if __name__ == "__main__":
    main()
