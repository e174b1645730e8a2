"""Holds what was served against Python: onnxruntime on the same model file, and scikit-learn with the same coefficients.

Reads a Parquet file of served predictions (key, in_<feature> for each feature as recorded, score, late or null), a
bundle folder that lies beside the train.py that made it, and the AUC that Hindcast computed. Exits 1 when a score
differs by 1e-5 or more, or the AUC by more than 1e-9. The last line of the output is the result as JSON.

    python served_probabilities.py --served served.parquet --model-dir examples/flights/v1 --auc 0.6138
"""

import argparse
import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import yaml
from sklearn.metrics import roc_auc_score

SCORE_DIFFERENCE_LIMIT = 1e-5
AUC_DIFFERENCE_MAX = 1e-9


def main() -> int:
    arguments = _arguments()
    manifest = yaml.safe_load((arguments.model_dir / 'model.yaml').read_text())
    table = pq.read_table(arguments.served)
    served = table.select(['key', 'score', 'late']).to_pandas()
    if served.empty or served.score.isna().any():
        print(f'{len(served)} rows, {served.score.isna().sum()} of them without a score: nothing can be compared')
        return 1

    session = _session(arguments.model_dir / 'model.onnx')
    features = {feature['name']: _as_given(table, feature, session) for feature in manifest['features']}
    score = served.score.to_numpy('float64')
    by_onnxruntime = _largest(score, _run(session, manifest, features), served.key, 'onnxruntime')
    by_sklearn = _largest(score, _by_sklearn(arguments.model_dir, manifest, features), served.key, 'scikit-learn')

    known = served.late.notna().to_numpy()
    auc = float(roc_auc_score(served.late[known].astype(int), score[known]))
    auc_difference = abs(auc - arguments.auc)
    result = {
        'rows': len(served),
        'maxDifferenceOnnxruntime': by_onnxruntime,
        'maxDifferenceSklearn': by_sklearn,
        'auc': auc,
        'aucDifference': auc_difference,
    }
    print(json.dumps(result))
    # Written so that NaN fails.
    scores_agree = by_onnxruntime < SCORE_DIFFERENCE_LIMIT and by_sklearn < SCORE_DIFFERENCE_LIMIT
    return 0 if scores_agree and auc_difference <= AUC_DIFFERENCE_MAX else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--served', type=Path, required=True)
    parser.add_argument('--model-dir', type=Path, required=True)
    parser.add_argument('--auc', type=float, required=True)
    return parser.parse_args()


def _session(path: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(path, options, providers=['CPUExecutionProvider'])


def _as_given(table: pa.Table, feature: dict, session: onnxruntime.InferenceSession) -> np.ndarray:
    """One feature as the model got it: a null, or a column that was never sent, is the manifest's missing value."""
    column = f'in_{feature["name"]}'
    # By way of Python values, as pandas does not tell a null from a NaN.
    values = np.full(table.num_rows, None, dtype=object)
    if column in table.column_names:
        values[:] = table[column].to_pylist()
    absent = np.array([value is None for value in values])
    if absent.any() and 'missing' not in feature:
        raise SystemExit(f'{feature["name"]} is null in {absent.sum()} rows, and model.yaml states no missing value')
    values[absent] = feature.get('missing')
    types = {tensor.name: tensor.type for tensor in session.get_inputs()}
    is_text = types[feature.get('tensor', feature['name'])] == 'tensor(string)'
    return values if is_text else values.astype('float32')


def _run(session: onnxruntime.InferenceSession, manifest: dict, features: dict[str, np.ndarray]) -> np.ndarray:
    tensors = {feature['name']: feature.get('tensor', feature['name']) for feature in manifest['features']}
    role = manifest['outputs']['score']
    inputs = {tensors[name]: values.reshape(-1, 1) for name, values in features.items()}
    return session.run([role['output']], inputs)[0][:, role['class']]


def _by_sklearn(model_dir: Path, manifest: dict, features: dict[str, np.ndarray]) -> np.ndarray:
    """The pipeline fitted anew, with the coefficients of the file.

    Encoding and scaling come out the same on every machine. The solver does not: it works in 32 bits and stops where its
    line search ends, which on another processor is elsewhere (by up to 0.006 in a probability).
    """
    spec = importlib.util.spec_from_file_location('train', model_dir.resolve().parent / 'train.py')
    train = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(train)
    rows = train.to_columns(pd.DataFrame(features), manifest['version'])
    pipeline = train.fit(manifest['version'])
    positive = manifest['outputs']['score']['class']
    fitted = pipeline.predict_proba(rows)[:, positive]
    coefficients, intercept = _linear_classifier(model_dir / 'model.onnx', positive)
    model = pipeline['model']
    if model.coef_.shape != (1, len(coefficients)):
        raise SystemExit(f'scikit-learn has {model.coef_.shape[1]} coefficients, the file {len(coefficients)}')
    model.coef_, model.intercept_ = coefficients.reshape(1, -1), np.array([intercept])
    score = pipeline.predict_proba(rows)[:, positive]
    print(f'scikit-learn with coefficients of its own: mean difference {np.abs(score - fitted).mean():.3e}')
    return score


def _linear_classifier(path: Path, positive: int) -> tuple[np.ndarray, float]:
    node = next(node for node in onnx.load(path).graph.node if node.op_type == 'LinearClassifier')
    attributes = {attribute.name: onnx.helper.get_attribute_value(attribute) for attribute in node.attribute}
    intercepts = np.array(attributes['intercepts'], dtype='float64')
    coefficients = np.array(attributes['coefficients'], dtype='float64').reshape(len(intercepts), -1)
    return coefficients[positive], intercepts[positive]


def _largest(served: np.ndarray, computed: np.ndarray, keys: pd.Series, by: str) -> float:
    difference = np.abs(served - computed.astype('float64'))
    # argmax takes the first NaN, if there is one.
    worst = int(np.argmax(difference))
    print(f'{by}: largest difference {difference[worst]:.3e}, at {keys.iloc[worst]}')
    return float(difference[worst])


if __name__ == '__main__':
    sys.exit(main())
