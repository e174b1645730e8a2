"""Writes stats-fixtures.json: inputs and what scipy, statsmodels, scikit-learn and mpmath say of them.

    pip install -r test/oracles/requirements-stats.txt
    python test/oracles/make_stats_fixtures.py           writes the file
    python test/oracles/make_stats_fixtures.py --check   re-makes it, compares (relative 1e-12), exits 1 if it differs

Every data set is made from a fixed seed. Numbers that JSON lacks are the strings "NaN", "Infinity" and "-Infinity".
"""

import json
import math
import sys
from fractions import Fraction
from pathlib import Path

import mpmath
import numpy as np
from scipy import optimize, spatial, stats
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.utils import murmurhash3_32
from statsmodels.api import OLS
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

TARGET = Path(__file__).with_name("stats-fixtures.json")
mpmath.mp.dps = 40


def samples():
    """About fifty pairs of samples: equal and unequal sizes, ties, extremes, one value only."""
    rng = np.random.default_rng(20240601)
    a = [1.1, 2.2, 2.2, 3.3, 4.4, 5.5, 6.6]
    b = [2.2, 3.3, 3.3, 7.7, 8.8, 9.9, 1.0, 2.5, 4.4, 12.0]
    c = [0, 0, 0, 1.5, 2.5, 2.5, 9]
    pairs = [
        (a, b), (b, a), (a, c), (b, c),
        ([1.0], [2.0]), ([1.0], [1.0]), ([1.0, 2.0], [3.0]), ([5.0] * 7, [5.0] * 9),
        ([0.0] * 20 + [1.0], [0.0] * 15 + [2.0, 3.0]),
        ([-1e300, 0.0, 1e300], [1e-300, 5.0, 7.0, 1e299]),
        ([1e-12, 2e-12, 3e-12], [1e12, 2e12]),
        (list(range(8)), [v + 0.5 for v in range(8)]),
        (list(range(5)), [v + 0.25 for v in range(40)]),
        (list(range(10)), [v + 100.0 for v in range(10)]),
        (list(range(30)), [v + 0.5 for v in range(30)]),
    ]
    for n, m in [(2, 3), (3, 8), (8, 9), (7, 60), (9, 9), (13, 17), (25, 25), (30, 31), (64, 48), (100, 101), (128, 7)]:
        pairs.append((rng.normal(size=n), rng.normal(0.4, 1.2, size=m)))
    for n, m in [(20, 20), (33, 57), (80, 75), (150, 90), (200, 200)]:
        pairs.append((rng.integers(0, 6, size=n), rng.integers(0, 7, size=m)))
        pairs.append((rng.exponential(size=n).round(1), rng.exponential(1.3, size=m).round(1)))
        pairs.append((rng.standard_cauchy(size=n).round(3), rng.standard_cauchy(size=m).round(3)))
    for n, m in [(300, 300), (257, 301), (360, 240)]:
        pairs.append((rng.lognormal(size=n).round(3), rng.lognormal(0.1, 1, size=m).round(3)))
    return [(np.sort(np.asarray(x, float)), np.sort(np.asarray(y, float))) for x, y in pairs]


def two_samples():
    out = []
    for reference, live in samples():
        ks = stats.ks_2samp(reference, live, method="auto")
        mwu = stats.mannwhitneyu(live, reference, method="auto")
        deviation = float(np.std(reference))
        quartiles = np.quantile(reference, [0.25, 0.75])
        out.append({
            "reference": reference, "live": live,
            "ks": {"d": ks.statistic, "p": ks.pvalue,
                   "pAsymptotic": stats.kstwo.sf(ks.statistic, round(len(reference) * len(live) / (len(reference) + len(live))))
                   if round(len(reference) * len(live) / (len(reference) + len(live))) >= 1 else 1.0},
            "mannWhitney": {"u": mwu.statistic, "p": 1.0 if math.isnan(mwu.pvalue) else mwu.pvalue},
            "wasserstein": wasserstein(reference, live),
            "standardDeviation": 0.0 if len(set(reference)) == 1 else deviation,
            "interquartileRange": quartiles[1] - quartiles[0],
            "quantiles": [[q, np.quantile(reference, q)] for q in (0, 0.1, 0.25, 0.5, 0.61, 0.75, 0.9, 0.99, 1)],
            "moments": {"mean": mpmath_mean(reference), "squaredDeviations": mpmath_deviations(reference)},
        })
    return out


def wasserstein(reference, live):
    """scipy overflows for values near 1e300; the definition in high precision does not."""
    values = sorted(set(reference.tolist()) | set(live.tolist()))
    total = mpmath.mpf(0)
    for low, high in zip(values, values[1:]):
        gap = mpmath.mpf(int((reference <= low).sum())) / len(reference) - mpmath.mpf(int((live <= low).sum())) / len(live)
        total += abs(gap) * (mpmath.mpf(high) - mpmath.mpf(low))
    if max(map(abs, values)) < 1e100:
        assert math.isclose(float(total), stats.wasserstein_distance(reference, live), rel_tol=1e-9, abs_tol=1e-300)
    return float(total)


def mpmath_mean(values):
    return float(mpmath.fsum(map(mpmath.mpf, values.tolist())) / len(values))


def mpmath_deviations(values):
    if max(abs(values)) > 1e140:
        return None
    mean = mpmath.fsum(map(mpmath.mpf, values.tolist())) / len(values)
    return float(mpmath.fsum((mpmath.mpf(v) - mean) ** 2 for v in values.tolist()))


def ks_laws():
    """Large samples are given by their statistic alone, so that the file stays small."""
    law = []
    for n in (1, 2, 3, 5, 10, 20, 50, 100, 139, 140, 141, 200, 500, 1000, 5000, 20000, 100000, 100001, 400000, 1000000):
        scale = 1 / math.sqrt(n)
        for z in (0.3, 0.5, 0.7, 0.9, 1.1, 1.3, 1.45, 1.5, 1.9, 2.5, 4.0, 8.0, 14.0):
            d = z * scale
            if d < 1:
                law.append([n, d, stats.kstwo.sf(d, n)])
        for d in (0.5 / n, 0.8 / n, 1 / n, 1 - 0.5 / n, 0.5, 0.6):
            if n <= 200 or d < 0.5:
                law.append([n, d, stats.kstwo.sf(d, n)])
    exact = []
    for n, m, shift in ((1000, 1000, 0.05), (2000, 1999, 0.05), (5000, 4000, 0.02), (10000, 9999, 0.01), (10000, 10000, 0.03),
                        (10000, 100, 0.2), (10001, 500, 0.1), (20000, 20000, 0.01), (30000, 1000, 0.1)):
        # Evenly spaced, so that a test can make the same values: i/n against i/m + shift.
        first = np.arange(n) / n
        second = np.arange(m) / m + shift
        result = stats.ks_2samp(first, second, method="auto")
        exact.append({"n": n, "m": m, "shift": shift, "d": result.statistic, "p": result.pvalue})
    return {"law": law, "evenlySpaced": exact}


def distributions():
    normal = [[z, stats.norm.sf(z), stats.norm.cdf(z)] for z in (-37.5, -20, -8, -3, -1, -0.1, 0, 1e-6, 0.5, 1.3, 1.7, 2, 2.2, 5, 8, 15, 30, 37.5)]
    normal_quantile = [[p, stats.norm.ppf(p)] for p in (1e-300, 1e-100, 1e-20, 1e-8, 1e-3, 0.025, 0.1, 0.3, 0.49, 0.5, 0.51, 0.7, 0.8, 0.975, 0.999, 0.99999)]
    chi = []
    for df in (1, 2, 3, 5, 9, 20, 99, 500, 1000, 9999, 10000, 100000):
        for ratio in (0.01, 0.3, 0.8, 0.99, 1, 1.01, 1.3, 2, 5, 20, 100):
            x = df * ratio
            upper = mpmath.gammainc(mpmath.mpf(df) / 2, mpmath.mpf(x) / 2, mpmath.inf, regularized=True)
            if upper > mpmath.mpf("1e-290"):
                chi.append([df, x, float(upper)])
    chi_critical = [[df, tail, stats.chi2.isf(tail, df)] for df in (1, 2, 3, 9, 20, 100, 1000) for tail in (0.5, 0.1, 0.05, 0.01, 1e-4, 1e-10)]
    t = []
    for df in (1, 1.5, 2, 3, 4.7, 10, 30, 100, 1000, 1e4, 1e5, 1e6, 1e7):
        for x in (0.001, 0.1, 0.7, 1, 2, 3, 5, 10, 20, 35):
            t.append([df, x, t_tail(df, x)])
    t_quantile = [[df, p, stats.t.ppf(p, df)] for df in (1, 2, 3, 5, 14.175225057303821, 30, 100, 1000, 1e5, 1e6) for p in (1e-12, 1e-5, 0.005, 0.025, 0.2, 0.5, 0.8, 0.95, 0.975)]
    binomial = []
    for n in (1, 2, 5, 13, 24, 25, 60, 200, 1000):
        for k in sorted({0, 1, n // 5, n // 3, n // 2, (n + 1) // 2, n - 1, n}):
            for p in (0.5, 0.1, 0.37):
                if 0 <= k <= n:
                    binomial.append([k, n, p, stats.binomtest(k, n, p).pvalue])
    return {"normal": normal, "normalQuantile": normal_quantile, "chiSquare": chi, "chiSquareCritical": chi_critical,
            "studentT": t, "studentTQuantile": t_quantile, "binomial": binomial}


def t_tail(df, x):
    """scipy loses digits in the far tail at large df, so the hypergeometric form in high precision is the oracle."""
    with mpmath.workdps(60):
        df, x = mpmath.mpf(df), mpmath.mpf(x)
        return float(mpmath.betainc(df / 2, mpmath.mpf(1) / 2, 0, df / (df + x * x), regularized=True) / 2)


def tables():
    rng = np.random.default_rng(11)
    out = [
        [[10, 20, 0], [15, 12, 3]], [[10, 20], [15, 12]], [[1, 1], [1, 1]], [[0, 5], [5, 0]], [[5], [7]], [[100, 0, 0], [80, 0, 0]],
        [[1000000, 2000000, 5], [999000, 2001000, 9]], [[3, 0, 0, 0, 1], [2, 1, 1, 1, 0]], [[50, 50, 0], [0, 50, 50]],
        [[1, 2, 3, 4, 5, 6, 7, 8], [8, 7, 6, 5, 4, 3, 2, 1]], [[10, 10], [10, 11]], [[7, 0], [0, 1]],
    ]
    for columns in (2, 2, 2, 2, 3, 3, 4, 5, 6, 8, 10, 10, 12, 15, 20, 30, 50):
        weights = rng.dirichlet(np.full(columns, 0.7))
        other = 0.7 * weights + 0.3 * rng.dirichlet(np.full(columns, 0.7))
        for n, m in ((40, 30), (500, 2000)):
            out.append([rng.multinomial(n, weights).tolist(), rng.multinomial(m, other).tolist()])
    return out


def chi_squares():
    out = []
    for table in tables():
        array = np.array(table)
        kept = array[:, array.sum(axis=0) > 0]
        expected = {}
        for name, correction in (("plain", False), ("yates", True)):
            result = stats.chi2_contingency(kept, correction=correction)
            expected[name] = {"statistic": result.statistic, "df": result.dof, "p": result.pvalue}
        total, columns = int(kept.sum()), kept.shape[1]
        if columns > 1:
            v = stats.contingency.association(kept, "cramer", correction=False)
            phi = max(0.0, expected["plain"]["statistic"] / total - (columns - 1) / (total - 1))
            rows_, columns_ = 2 - 1 / (total - 1), columns - (columns - 1) ** 2 / (total - 1)
            corrected = math.sqrt(phi / min(rows_ - 1, columns_ - 1)) if min(rows_, columns_) > 1 else 0.0
        else:
            v, corrected = 0.0, 0.0
        cells = stats.contingency.expected_freq(kept)
        small = bool((cells < 1).any() or (cells < 5).mean() > 0.2)
        p, q = array[0] / array[0].sum(), array[1] / array[1].sum()
        bins = array.shape[1]
        jp = (array[0] + 0.5) / (array[0].sum() + bins / 2)
        jq = (array[1] + 0.5) / (array[1].sum() + bins / 2)
        sizes = 1 / array[0].sum() + 1 / array[1].sum()
        critical = stats.chi2.isf(0.05, columns - 1) if columns > 1 else 0.0
        out.append({
            "reference": table[0], "live": table[1], **expected, "cramersV": v, "cramersVCorrected": min(1.0, corrected),
            "expectedTooSmall": small,
            "psi": float(np.sum((jp - jq) * np.log(jp / jq))), "psiCritical": critical * sizes,
            "jensenShannonE": spatial.distance.jensenshannon(p, q), "jensenShannon2": spatial.distance.jensenshannon(p, q, base=2),
            "jensenShannon2Critical": math.sqrt(critical * sizes / 8 / math.log(2)),
        })
    return out


def proportions():
    wilson, independent, paired = [], [], []
    for successes, trials in ((0, 1), (1, 1), (0, 10), (10, 10), (1, 20), (7, 13), (81, 263), (15, 148), (0, 20), (1, 29), (500, 1000), (999999, 1000000), (3, 100000)):
        for level in (0.95, 0.9, 0.999):
            low, high = proportion_confint(successes, trials, alpha=1 - level, method="wilson")
            wilson.append([successes, trials, level, low, high])
    for a, n, b, m in ((56, 70, 48, 80), (9, 10, 3, 10), (6, 7, 2, 7), (5, 56, 0, 29), (0, 10, 0, 20), (0, 10, 0, 10), (10, 10, 0, 20), (10, 10, 0, 10),
                       (1, 3, 2, 5), (500, 1000, 520, 1001), (99, 100, 9990, 10000), (1, 100000, 3, 90000)):
        for level in (0.95, 0.99):
            low, high = confint_proportions_2indep(a, n, b, m, method="newcomb", compare="diff", alpha=1 - level)
            independent.append([a, n, b, m, level, low, high])
    for b, c, n in ((0, 0, 10), (0, 0, 1000), (1, 0, 10), (0, 3, 30), (5, 5, 50), (12, 9, 50), (9, 12, 50), (40, 2, 54), (2, 40, 54), (10, 0, 10), (0, 10, 10),
                    (1, 1, 2), (7, 3, 10), (100, 80, 100000), (3, 1, 1000000), (1000, 1300, 20000)):
        for level in (0.95, 0.9):
            paired.append([b, c, n, level, *tango(b, c, n, level)])
    return {"wilson": wilson, "independent": independent, "paired": paired}


def tango(b, c, n, level):
    """Score limits with the constrained likelihood maximised numerically: independent of any closed form for it."""
    z = stats.norm.isf((1 - level) / 2)

    def log_likelihood(share, difference):
        terms = ((b, share + difference), (c, share), (n - b - c, 1 - 2 * share - difference))
        return mpmath.fsum(k * mpmath.log(p) for k, p in terms if k > 0)

    def score(difference):
        low, high = max(mpmath.mpf(0), -difference), (1 - difference) / 2
        # The derivative in the share falls, so its root, or an end, is the maximum.
        slope = lambda q: mpmath.fsum(
            k * w / p if p > 0 else (mpmath.inf * w)
            for k, w, p in ((b, 1, q + difference), (c, 1, q), (n - b - c, -2, 1 - 2 * q - difference)) if k > 0)
        left, right = low, high
        for _ in range(90):
            middle = (left + right) / 2
            if slope(middle) > 0:
                left = middle
            else:
                right = middle
        variance = n * (2 * left + difference - difference * difference)
        return (b - c - n * difference) / mpmath.sqrt(variance) if variance > 0 else mpmath.sign(b - c - n * difference) * mpmath.inf

    def root(target, low, high):
        for _ in range(70):
            middle = (low + high) / 2
            if score(middle) > target:
                low = middle
            else:
                high = middle
        return float(low)

    estimate = mpmath.mpf(b - c) / n
    lower = -1.0 if b - c == -n else root(z, mpmath.mpf(-1), estimate)
    upper = 1.0 if b - c == n else root(-z, estimate, mpmath.mpf(1))
    return lower, upper


def aucs():
    rng = np.random.default_rng(13)
    out = []
    shapes = [(2, 2), (2, 3), (3, 2), (5, 5), (7, 40), (40, 7), (50, 60), (120, 80), (15, 150), (200, 200)]
    for positives, negatives in shapes:
        for digits in (None, 1, 2, 0):
            labels = rng.permutation(np.r_[np.ones(positives, int), np.zeros(negatives, int)])
            base = rng.normal(size=labels.size) + labels
            control = base + rng.normal(size=labels.size)
            candidate = base + rng.normal(size=labels.size) * 0.8
            if digits is not None:
                control, candidate = control.round(digits) + 0.0, candidate.round(digits) + 0.0
            else:
                control, candidate = control.round(6), candidate.round(6)
            out.append({"labels": labels, "control": control, "candidate": candidate, **delong(labels, control, candidate)})
    labels = np.array([0, 0, 1, 1])
    for control, candidate in (([1.0, 2, 3, 4], [1.0, 2, 3, 4]), ([1.0, 1, 1, 1], [1.0, 1, 1, 1]), ([-1e300, 0, -0.0, 1e300], [5.0, -5, 5, -5])):
        control, candidate = np.array(control), np.array(candidate)
        out.append({"labels": labels, "control": control, "candidate": candidate, **delong(labels, control, candidate)})
    return out


def delong(labels, control, candidate):
    """The O(mn) kernel itself, checked against scikit-learn's AUC."""
    components = []
    for scores in (control, candidate):
        pos, neg = scores[labels == 1], scores[labels == 0]
        kernel = (pos[:, None] > neg[None, :]) + 0.5 * (pos[:, None] == neg[None, :])
        assert math.isclose(kernel.mean(), roc_auc_score(labels, scores), rel_tol=1e-12, abs_tol=1e-15)
        components.append((kernel.mean(), kernel.mean(axis=1), kernel.mean(axis=0)))
    (auc1, v10a, v01a), (auc2, v10b, v01b) = components
    parts = np.var(v10b - v10a, ddof=1) / v10a.size, np.var(v01b - v01a, ddof=1) / v01a.size
    se = math.sqrt(sum(parts)) if sum(parts) > 1e-28 else 0.0
    df = sum(parts) ** 2 / (parts[0] ** 2 / (v10a.size - 1) + parts[1] ** 2 / (v01a.size - 1)) if se > 0 else min(v10a.size, v01a.size) - 1
    difference = auc2 - auc1
    return {"controlAuc": roc_auc_score(labels, control), "candidateAuc": roc_auc_score(labels, candidate), "standardError": se,
            "difference": difference, "df": df, "p": 2 * stats.t.sf(abs(difference) / se, df) if se > 0 else 1.0,
            "lower": difference - stats.t.isf(0.025, df) * se, "upper": difference + stats.t.isf(0.025, df) * se}


def clustered_aucs():
    """Obuchowski's covariance matrices in full, from the O(mn) kernel; a cell is a cluster."""
    rng = np.random.default_rng(41)
    out = []
    for clusters, per_cluster, spread, one_class in ((12, 4, 1.0, False), (30, 8, 2.0, False), (60, 5, 0.5, True), (80, 1, 0.0, True), (200, 3, 1.0, False)):
        sizes = rng.integers(1, 2 * per_cluster, clusters) if per_cluster > 1 else np.ones(clusters, int)
        groups = np.repeat(np.arange(clusters), sizes)
        n = len(groups)
        labels = (rng.random(clusters) < 0.4)[groups].astype(int) if one_class else rng.integers(0, 2, n)
        own = rng.normal(0, spread, clusters)[groups]
        control = (labels + own + rng.normal(size=n)).round(1)
        candidate = (1.2 * labels + own + rng.normal(size=n)).round(1)
        pos, neg = labels == 1, labels == 0
        m, k = pos.sum(), neg.sum()
        per_side, sums = [], []
        for scores in (control, candidate):
            kernel = (scores[pos][:, None] > scores[neg][None, :]) + 0.5 * (scores[pos][:, None] == scores[neg][None, :])
            auc = kernel.mean()
            v10 = np.bincount(groups[pos], kernel.mean(axis=1), clusters)
            v01 = np.bincount(groups[neg], kernel.mean(axis=0), clusters)
            per_side.append((auc, v10 - np.bincount(groups[pos], minlength=clusters) * auc, v01 - np.bincount(groups[neg], minlength=clusters) * auc))
            sums.append((v10, v01))
        i10, i01 = len(set(groups[pos])), len(set(groups[neg]))
        covariance = np.empty((2, 2))
        for a in range(2):
            for b in range(2):
                s10 = i10 / ((i10 - 1) * m) * (per_side[a][1] * per_side[b][1]).sum()
                s01 = i01 / ((i01 - 1) * k) * (per_side[a][2] * per_side[b][2]).sum()
                s11 = clusters / (clusters - 1) * (per_side[a][1] * per_side[b][2]).sum()
                s11_other = clusters / (clusters - 1) * (per_side[b][1] * per_side[a][2]).sum()
                covariance[a, b] = s10 / m + s01 / k + s11 / (m * k) + s11_other / (m * k)
        contrast = np.array([-1.0, 1.0])
        out.append({
            "labels": labels, "control": control, "candidate": candidate, "cells": groups, "cellCount": clusters,
            "difference": per_side[1][0] - per_side[0][0], "standardError": math.sqrt(contrast @ covariance @ contrast),
            "delongError": delong(labels, control, candidate)["standardError"],
            "sums": {
                "positives": np.bincount(groups[pos], minlength=clusters), "negatives": np.bincount(groups[neg], minlength=clusters),
                "control": {"positive": sums[0][0], "negative": sums[0][1]}, "candidate": {"positive": sums[1][0], "negative": sums[1][1]},
            },
        })
    return out


def log_losses():
    rng = np.random.default_rng(17)
    scores = np.r_[0.0, 1.0, 0.0, 1.0, 1e-20, 1 - 1e-16, 0.5, rng.random(40)]
    labels = np.r_[0, 1, 1, 0, 1, 0, 1, rng.integers(0, 2, 40)]
    rows = [log_loss([y], np.array([[1 - p, p]]), labels=[0, 1]) for p, y in zip(scores, labels)]
    singles = scores.astype(np.float32)
    # scikit-learn's own arithmetic is in float32 there; the clip is its, the logarithm is taken in doubles.
    eps = float(np.finfo(np.float32).eps)
    clipped = np.clip(singles.astype(float), eps, 1 - eps)
    rows32 = [-math.log(p) if y == 1 else -math.log1p(-p) for p, y in zip(clipped.tolist(), labels)]
    theirs = [log_loss([y], np.array([[1 - p, p]], dtype=np.float32), labels=[0, 1]) for p, y in zip(singles, labels)]
    assert np.allclose(rows32, theirs, rtol=2e-6, atol=3e-7), np.abs(np.array(rows32) - theirs).max()
    multi = rng.dirichlet(np.ones(4), size=12)
    truth = rng.integers(0, 4, 12)
    multi_rows = [log_loss([y], row[None, :], labels=[0, 1, 2, 3]) for row, y in zip(multi, truth)]
    briers = ((multi - np.eye(4)[truth]) ** 2).sum(axis=1)
    return {"scores": scores, "labels": labels, "losses": rows, "lossesFloat32": rows32, "briers": (scores - labels) ** 2,
            "classProbabilities": multi, "classTruth": truth, "classLosses": multi_rows, "classBriers": briers}


def mean_intervals():
    rng = np.random.default_rng(19)
    out = []
    for n in (2, 3, 5, 10, 31, 100, 400):
        for values in (rng.normal(0.1, 1, n).round(4), rng.exponential(0.01, n).round(6) - 0.01, rng.normal(1e6, 1e-2, n).round(5)):
            entry = {"values": values, "levels": []}
            result = stats.ttest_1samp(values, 0)
            entry["p"] = result.pvalue
            mean, se = mpmath_mean(values), math.sqrt(mpmath_deviations(values) / (n - 1) / n)
            entry["mean"], entry["standardError"] = mean, se
            for level in (0.9, 0.95, 0.99):
                half = stats.t.isf((1 - level) / 2, n - 1) * se
                one = stats.t.isf(1 - level, n - 1) * se
                entry["levels"].append([level, mean - half, mean + half, mean - one, mean + one])
            entry["p"] = 2 * stats.t.sf(abs(mean) / se, n - 1)
            out.append(entry)
    return out


def clustered_means():
    rng = np.random.default_rng(23)
    out = []
    for clusters, per_cluster, spread in ((2, 5, 1), (8, 3, 0.5), (40, 25, 1), (40, 1, 0), (300, 4, 2)):
        sizes = rng.integers(1, 2 * per_cluster, clusters)
        groups = np.repeat(np.arange(clusters), sizes)
        values = (rng.normal(0, spread, clusters)[groups] + rng.normal(0.2, 1, len(groups))).round(4)
        fit = OLS(values, np.ones(len(values))).fit(cov_type="cluster", cov_kwds={"groups": groups}, use_t=True)
        lower, upper = fit.conf_int(alpha=0.05)[0]
        out.append({
            "rows": sizes, "sums": [math.fsum(values[groups == group]) for group in range(clusters)],
            "mean": fit.params[0], "standardError": fit.bse[0], "lower": lower, "upper": upper, "p": fit.pvalues[0],
        })
    return out


def exact_proportions():
    out = []
    for successes, trials in ((0, 1), (1, 1), (0, 10), (10, 10), (1, 20), (7, 13), (81, 263), (500, 1000), (999999, 1000000), (3, 100000), (0.7, 12.5), (2.25, 310.4), (310.4, 310.4)):
        for level in (0.95, 0.9, 0.999):
            tail = (1 - level) / 2
            low = stats.beta.ppf(tail, successes, trials - successes + 1) if successes > 0 else 0.0
            high = stats.beta.isf(tail, successes + 1, trials - successes) if successes < trials else 1.0
            if float(successes).is_integer():
                assert np.allclose((low, high), proportion_confint(successes, trials, 1 - level, method="beta"), rtol=1e-9)
            limit = 0.03
            above = stats.beta.cdf(limit, successes, trials - successes + 1) if successes > 0 else 1.0
            below = stats.beta.sf(limit, successes + 1, trials - successes) if successes < trials else 1.0
            out.append([successes, trials, level, low, high, limit, above, below])
    return out


def clustered_proportions():
    """The variance over clusters against that of independent rows, and the limits on what the rows are then worth."""
    rng = np.random.default_rng(43)
    out = []
    for clusters, per_cluster, share, alike in ((2, 5, 0.4, 0.5), (12, 8, 0.05, 1), (40, 25, 0.3, 0.3), (40, 1, 0.2, 0), (300, 4, 0.01, 0.8), (60, 10, 0.0, 0), (60, 10, 1.0, 0), (50, 9, 0.97, 0.6)):
        rows = rng.integers(1, 2 * per_cluster, clusters) if per_cluster > 1 else np.ones(clusters, int)
        if alike and 0 < share < 1:
            k = 1 / alike - 1 + 1e-9
            of_cluster = rng.beta(share * k, (1 - share) * k, clusters)
        else:
            of_cluster = np.full(clusters, share)
        first = rng.binomial(rows, of_cluster)
        second = rng.binomial(rows - first, share * 0.6)
        n, spread = rows.sum(), clusters / (clusters - 1) * (rows.sum() - 1)
        for alike_rows in (None, 3.5):
            worst = (rows**2).sum() / n if alike_rows is None else alike_rows
            results = []
            share_seen, events = first.sum() / n, min(first, rows - first, key=np.sum)
            difference = (first.sum() - second.sum()) / n
            for deviations, independent, touched in (
                (first - share_seen * rows, n * share_seen * (1 - share_seen), (events > 0).sum()),
                (first - second - difference * rows, (first + second).sum() - n * difference**2, (first + second > 0).sum()),
            ):
                observed = (deviations**2).sum() * spread / n / independent if independent > 0 else 1.0
                effect = (touched * max(1, observed) + max(1, worst)) / (touched + 1) if independent > 0 else worst
                ratio = stats.t.isf(0.025, n - 1) / stats.t.isf(0.025, clusters - 1)
                results.append((effect, min(n, n / effect * ratio**2)))
            (effect, worth), (paired_effect, paired_worth) = results
            x = share_seen * worth
            low = stats.beta.ppf(0.025, x, worth - x + 1) if x > 0 else 0.0
            high = stats.beta.isf(0.025, x + 1, worth - x) if share_seen < 1 else 1.0
            b, c = (float(v.sum() * paired_worth / n) for v in (first, second))
            out.append({
                "rows": rows, "first": first, "second": second, "alikeRows": alike_rows or 0,
                "single": [effect, worth, low, high], "paired": [paired_effect, paired_worth, *tango(b, c, paired_worth, 0.95)],
            })
    return out


def skewed_means():
    """The cubic transformation solved for its limits by bisection, not by its inverse in closed form."""
    rng = np.random.default_rng(47)
    out = []
    for values in (rng.exponential(size=30), -rng.lognormal(0, 1.5, 200), rng.normal(1, 1, 50), np.r_[np.zeros(98), 9.0, 40.0], np.r_[rng.normal(0.3, 0.1, 60), 0.3]):
        n, mean = len(values), values.mean()
        deviations = values - mean
        se = math.sqrt((deviations**2).sum() / (n - 1) / n)
        skewness = (deviations**3).sum() / (deviations**2).sum() ** 1.5
        straight = lambda t: t + skewness * t * t / 3 + skewness**2 * t**3 / 27 + skewness / 6
        for level in (0.95, 0.9):
            t = stats.t.isf((1 - level) / 2, n - 1)
            ends = [optimize.brentq(lambda x: straight(x) - goal, -1000, 1000, xtol=1e-13, rtol=1e-14) for goal in (t, -t)]
            seen = mean / se
            out.append({
                "values": values, "level": level, "skewness": skewness,
                "lower": min(mean - t * se, mean - ends[0] * se), "upper": max(mean + t * se, mean - ends[1] * se),
                "pAboveZero": max(stats.t.sf(seen, n - 1), stats.t.sf(straight(seen), n - 1)),
                "pBelowZero": max(stats.t.cdf(seen, n - 1), stats.t.cdf(straight(seen), n - 1)),
            })
    return out


def sample_sizes():
    out = []
    for gap in (0.01, 0.05, 0.1, 0.3, 1.0):
        for deviation in (0.2, 1.0):
            for level in (0.95, 0.99):
                for power in (0.8, 0.9):
                    rows = TTestPower().solve_power(effect_size=gap / deviation, power=power, alpha=(1 - level) / 2, alternative="larger")
                    out.append([gap, deviation, level, power, float(np.atleast_1d(rows)[0])])
    return out


def detectable_differences():
    """The gap that TTestPower finds for so many rows, times the deviation."""
    out = []
    for rows in (10, 30, 100, 1000, 50000):
        for deviation in (0.2, 1.0):
            for level in (0.95, 0.99):
                for power in (0.8, 0.9):
                    effect = TTestPower().solve_power(nobs=rows, power=power, alpha=(1 - level) / 2, alternative="larger")
                    out.append([rows, deviation, level, power, float(np.atleast_1d(effect)[0]) * deviation])
    return out


def difference_deviations():
    """The root of the quadratic form of the covariance matrix, in forty digits."""
    out = []
    for candidate, control in ((0.4, 0.5), (1.0, 1.0), (1e-3, 2.0), (0.7, 0.0)):
        for weight in (1.0, 1.01, 1.2):
            for correlation in (-1.0, -0.3, 0.0, 0.5, 0.99, 0.999999999, 1.0):
                c, k, w, r = (mpmath.mpf(v) for v in (candidate, control, weight, correlation))
                weights, covariance = mpmath.matrix([1, -w]), mpmath.matrix([[c * c, r * c * k], [r * c * k, k * k]])
                form = (weights.T * covariance * weights)[0]
                out.append([candidate, control, weight, correlation, float(mpmath.sqrt(abs(form)))])
    return out


def share_plans():
    """By trying every count of failures with statsmodels' exact interval, and the beta law of scipy."""
    out = []
    passes = lambda failures, rows, limit, level: proportion_confint(rows - failures, rows, 1 - level, method="beta")[0] > limit
    for rows in (5, 100, 1000, 3687, 3688, 20000, 100000):
        for limit in (0.9, 0.99, 0.999):
            for level, power in ((0.95, 0.8), (0.99, 0.9)):
                failures = -1
                while failures < rows and passes(failures + 1, rows, limit, level):
                    failures += 1
                share = stats.beta.ppf(1 - power, failures + 1, rows - failures) if failures >= 0 else -1.0
                needed = math.floor(math.log((1 - level) / 2) / math.log(limit)) + 1
                assert passes(0, needed, limit, level) and not passes(0, needed - 1, limit, level)
                out.append([rows, limit, level, power, failures, share, needed])
    return out


def adjustments():
    rng = np.random.default_rng(23)
    sets = [[0.01, 0.04, 0.03, 0.005, 0.5], [0.2], [0.0, 0.0, 1.0, 1.0], [0.05] * 6, [1e-300, 1e-12, 0.9]]
    sets += [rng.beta(0.4, 1.5, n).round(6).tolist() for n in (2, 3, 10, 50, 200)]
    return [{"ps": ps, "holm": multipletests(ps, method="holm")[1], "bh": stats.false_discovery_control(ps, method="bh")} for ps in sets]


def mcnemars():
    out = []
    for b, c in ((0, 0), (1, 0), (3, 10), (10, 3), (5, 5), (12, 13), (25, 40), (200, 260), (1000, 1100), (0, 40)):
        table = [[10, b], [c, 10]]
        plain = mcnemar(table, exact=False, correction=False) if b + c else None
        corrected = mcnemar(table, exact=False, correction=True) if b + c else None
        exact = mcnemar(table, exact=True).pvalue if b + c else 1.0
        out.append([b, c, exact, float(plain.statistic) if plain else 0.0, float(plain.pvalue) if plain else 1.0,
                    float(corrected.statistic) if corrected else 0.0, float(corrected.pvalue) if corrected else 1.0])
    return out


def exact_sums():
    rng = np.random.default_rng(29)
    sets = [
        [], [0.0], [1e308, 1e308, -1e308], [1e16, 1.0, -1e16], [0.1] * 10, [5e-324, 5e-324], [1e308, 1.0, -1e308, 1e-308],
        [2.0**53, 1.0, 2.0**-1000], [2.0**53, 1.0], [2.0**53, 3.0], [-(2.0**53), -1.0, -(2.0**-1070)], [1.7976931348623157e308, 9.97920154767359e291], [-0.0],
    ]
    sets += [(rng.normal(size=n) * 10.0 ** rng.integers(-spread, spread + 1, n)).tolist() for n, spread in ((5, 3), (50, 10), (200, 100), (200, 300), (100, 0))]
    return [{"values": values, "sum": rounded_sum(values)} for values in sets]


def rounded_sum(values):
    """fsum gives up where a partial sum overflows; fractions do not."""
    try:
        return float(sum(map(Fraction, values), Fraction(0)))
    except OverflowError:
        return math.inf


def hashes():
    ids = ["", "a", "ab", "abc", "abcd", "hello", "0190a5c2-7b8e-7c31-9d1f-3f0a2b4c5d6e", "Zürich", "東京", "🛫 flight", "x" * 257]
    return [[text, seed, int(murmurhash3_32(text.encode(), seed=seed, positive=True))] for text in ids for seed in (0, 1, 42, 2**31 - 1)]


def generator():
    """xoshiro128** written from its definition with whole numbers of any size."""
    mask = 2**32 - 1
    rotate = lambda x, k: ((x << k) | (x >> (32 - k))) & mask
    out = []
    for seed in ([1, 2, 3, 4], [0x964D4A0C, 0xD40AB895, 0xAD7FDECB, 0x3006F0F0], [mask, 0, 0, mask]):
        s, words = list(seed), []
        for _ in range(20):
            words.append(rotate(s[1] * 5 & mask, 7) * 9 & mask)
            t = s[1] << 9 & mask
            s[2] ^= s[0]; s[3] ^= s[1]; s[1] ^= s[2]; s[0] ^= s[3]
            s[2] ^= t
            s[3] = rotate(s[3], 11)
        out.append({"state": seed, "words": words})
    return out


def plain(value):
    if isinstance(value, dict):
        return {key: plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [plain(entry) for entry in value]
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, (float, np.floating)):
        number = float(value)
        if math.isfinite(number):
            return int(number) if number == int(number) and abs(number) < 2**53 else number
        return "NaN" if math.isnan(number) else "Infinity" if number > 0 else "-Infinity"
    return value


def difference(path, made, committed):
    """The first place where the two differ, or None."""
    if isinstance(made, dict) and isinstance(committed, dict):
        if made.keys() != committed.keys():
            return f"{path}: keys {sorted(made)} against {sorted(committed)}"
        pairs = [(f"{path}.{key}", made[key], committed[key]) for key in made]
    elif isinstance(made, list) and isinstance(committed, list):
        if len(made) != len(committed):
            return f"{path}: {len(made)} entries against {len(committed)}"
        pairs = [(f"{path}[{index}]", a, b) for index, (a, b) in enumerate(zip(made, committed))]
    else:
        number = lambda v: isinstance(v, (int, float)) and not isinstance(v, bool)
        if number(made) and number(committed):
            same = made == committed or math.isclose(made, committed, rel_tol=1e-12, abs_tol=1e-300)
        else:
            same = made == committed
        return None if same else f"{path}: {made!r} against {committed!r}"
    return next((found for found in (difference(*pair) for pair in pairs) if found), None)


def main():
    made = plain({
        "twoSamples": two_samples(), "kolmogorov": ks_laws(), "distributions": distributions(), "tables": chi_squares(),
        "proportions": proportions(), "aucs": aucs(), "logLoss": log_losses(), "meanIntervals": mean_intervals(),
        "clusteredMeans": clustered_means(), "clusteredAucs": clustered_aucs(), "exactProportions": exact_proportions(),
        "clusteredProportions": clustered_proportions(), "skewedMeans": skewed_means(),
        "sampleSizes": sample_sizes(), "detectableDifferences": detectable_differences(),
        "differenceDeviations": difference_deviations(), "sharePlans": share_plans(), "adjustments": adjustments(), "mcnemar": mcnemars(), "exactSums": exact_sums(),
        "hashes": hashes(), "generator": generator(),
    })
    if "--check" in sys.argv[1:]:
        found = difference("fixtures", made, json.loads(TARGET.read_text()))
        print(f"differs: {found}" if found else "the committed fixtures are what the oracles say")
        sys.exit(1 if found else 0)
    lines = ",\n".join(f"{json.dumps(key)}:{json.dumps(value, ensure_ascii=False, separators=(',', ':'))}" for key, value in made.items())
    TARGET.write_text("{\n" + lines + "\n}\n")
    print(f"{TARGET.name}: {TARGET.stat().st_size} bytes")


if __name__ == "__main__":
    main()
