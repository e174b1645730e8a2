import { describe, expect, it } from 'vitest';
import { binomialTest } from '../../../src/stats/binomial-test.js';
import {
  chiSquareCdf,
  chiSquareCriticalValue,
  chiSquareSf,
} from '../../../src/stats/chi-square-distribution.js';
import { incompleteBeta } from '../../../src/stats/incomplete-beta.js';
import { incompleteGamma } from '../../../src/stats/incomplete-gamma.js';
import { kolmogorovSf } from '../../../src/stats/kolmogorov-sf.js';
import { normalCdf, normalQuantile, normalSf } from '../../../src/stats/normal-distribution.js';
import { studentTCdf, studentTQuantile, studentTSf } from '../../../src/stats/student-t-distribution.js';
import { expectClose, fixtures } from './stats-fixtures.js';

const { distributions } = fixtures;

describe('distributions', () => {
  it('agree with scipy on both tails of the normal distribution', () => {
    for (const [z = NaN, sf = NaN, cdf = NaN] of distributions.normal) {
      expectClose(normalSf(z), sf, { what: `sf(${z})` });
      expectClose(normalCdf(z), cdf, { what: `cdf(${z})` });
    }
  });

  it('agree with scipy on normal quantiles down to 1e-300', () => {
    for (const [p = NaN, z = NaN] of distributions.normalQuantile) {
      expectClose(normalQuantile(p), z, { what: `quantile(${p})` });
    }
  });

  it('agree with mpmath on the upper tail of chi-square up to 1e5 degrees of freedom', () => {
    for (const [df = NaN, x = NaN, sf = NaN] of distributions.chiSquare) {
      expectClose(chiSquareSf({ x, df }), sf, { what: `sf(${x}, ${df})` });
      expectClose(chiSquareSf({ x, df }) + chiSquareCdf({ x, df }), 1);
    }
  });

  it('agree with scipy on the critical values of chi-square', () => {
    for (const [df = NaN, upperTail = NaN, x = NaN] of distributions.chiSquareCritical) {
      expectClose(chiSquareCriticalValue({ upperTail, df }), x, { what: `critical(${upperTail}, ${df})` });
    }
  });

  it("agree with mpmath on both tails of Student's t up to 1e7 degrees of freedom", () => {
    for (const [df = NaN, t = NaN, sf = NaN] of distributions.studentT) {
      expectClose(studentTSf({ t, df }), sf, { what: `sf(${t}, ${df})` });
      expectClose(studentTCdf({ t: -t, df }), sf, { what: `cdf(${-t}, ${df})` });
      expectClose(studentTSf({ t: -t, df }), 1 - sf);
    }
  });

  it("agree with scipy on the quantiles of Student's t", () => {
    for (const [df = NaN, p = NaN, t = NaN] of distributions.studentTQuantile) {
      expectClose(studentTQuantile({ probability: p, df }), t, { what: `quantile(${p}, ${df})` });
    }
  });

  it('agree with scipy on the exact binomial test', () => {
    for (const [successes = NaN, trials = NaN, probability = NaN, p = NaN] of distributions.binomial) {
      expectClose(binomialTest({ successes, trials, probability }), p, {
        what: `binomial(${successes}, ${trials}, ${probability})`,
      });
    }
  });

  it('agree with scipy on the law of the Kolmogorov statistic in every region', () => {
    for (const [n = NaN, d = NaN, sf = NaN] of fixtures.kolmogorov.law) {
      expectClose(kolmogorovSf({ n, d }), sf, { what: `kolmogorov(${n}, ${d})` });
    }
  });

  it('reach their ends', () => {
    expect(normalSf(Infinity)).toBe(0);
    expect(normalSf(-Infinity)).toBe(1);
    expect(studentTSf({ t: Infinity, df: 3 })).toBe(0);
    expect(chiSquareSf({ x: 0, df: 3 })).toBe(1);
    expect(chiSquareSf({ x: Infinity, df: 3 })).toBe(0);
    expect(incompleteBeta({ a: 2, b: 3, x: 0, y: 1 })).toEqual({ lower: 0, upper: 1 });
    expect(incompleteBeta({ a: 2, b: 3, x: 1, y: 0 })).toEqual({ lower: 1, upper: 0 });
    expect(binomialTest({ successes: 0, trials: 0 })).toBe(1);
    expect(kolmogorovSf({ n: 5, d: 0 })).toBe(1);
    expect(kolmogorovSf({ n: 5, d: 1 })).toBe(0);
  });

  it('name the argument that makes no sense', () => {
    expect(() => normalQuantile(1)).toThrow(/probability is 1/);
    expect(() => normalSf(NaN)).toThrow(RangeError);
    expect(() => studentTSf({ t: NaN, df: 3 })).toThrow(/t is NaN/);
    expect(() => studentTSf({ t: 1, df: 0 })).toThrow(/df is 0/);
    expect(() => studentTQuantile({ probability: NaN, df: 1 })).toThrow(/probability is NaN/);
    expect(() => incompleteGamma({ a: 0, x: 1 })).toThrow(/a is 0/);
    expect(() => incompleteBeta({ a: 1, b: NaN, x: 0.5, y: 0.5 })).toThrow(/b is NaN/);
    expect(() => chiSquareCriticalValue({ upperTail: 0, df: 1 })).toThrow(/upperTail is 0/);
    expect(() => binomialTest({ successes: 3, trials: 2 })).toThrow(/successes is 3/);
    expect(() => kolmogorovSf({ n: 0.5, d: 0.1 })).toThrow(/n is 0.5/);
    expect(() => kolmogorovSf({ n: 5, d: NaN })).toThrow(/d is NaN/);
  });
});
