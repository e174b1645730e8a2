import { limitWords } from './condition-words.js';
import { formatSigned, formatValue } from './format-numbers.js';
import type { Markup } from './html-markup.js';
import { html } from './html-markup.js';
import type { Calibration, Day, Density, ReplayGate, SideCalibration } from './report-schema.js';

const width = 560;

/** The gate's interval on an axis, with its limit and the bad side shaded. */
export function gateChart(gate: ReplayGate): Markup {
  const { interval, estimate, limit, good } = gate;
  if (interval === null || estimate === null) return html``;
  const limits = good === 'within' ? [-limit, limit] : [limit];
  const from = Math.min(interval.lower, ...limits);
  const until = Math.max(interval.upper, ...limits);
  const pad = (until - from) * 0.22 || 1;
  const x = scale(from - pad, until + pad, 0, width);
  const colour = { PASS: 'var(--good)', FAIL: 'var(--bad)', INCONCLUSIVE: 'var(--open)' }[gate.verdict];
  const at = x(limit);
  const ok = {
    from: good === 'above' ? at : good === 'within' ? x(-limit) : 0,
    until: good === 'above' ? width : at,
  };
  const label = `${formatSigned(estimate)}, ${100 * interval.level} % interval ${formatSigned(interval.lower)} to ${formatSigned(interval.upper)}, must lie ${limitWords(gate)}`;
  // The limit's name goes where the interval is not.
  const limitAnchor = at > width / 2 ? 'end' : 'start';
  const limitText = at > width / 2 ? at - 6 : at + 6;
  return html`<svg viewBox="0 0 ${width} 84" role="img" aria-label="${label}">
    <rect x="0" y="18" width="${px(ok.from)}" height="40" fill="var(--bad-area)" />
    <rect x="${px(ok.until)}" y="18" width="${px(width - ok.until)}" height="40" fill="var(--bad-area)" />
    <rect x="${px(ok.from)}" y="18" width="${px(ok.until - ok.from)}" height="40" fill="var(--good-area)" />
    ${limits.map(
      (each) =>
        html`<line
          x1="${px(x(each))}"
          x2="${px(x(each))}"
          y1="12"
          y2="64"
          stroke="var(--text)"
          stroke-dasharray="3 3"
        />`,
    )}
    <text x="${px(limitText)}" y="12" text-anchor="${limitAnchor}">
      ${good === 'within' ? `good is ${limitWords(gate)}` : `limit ${formatValue(limit)}: good is ${good}`}
    </text>
    <line
      x1="${px(x(interval.lower))}"
      x2="${px(x(interval.upper))}"
      y1="38"
      y2="38"
      stroke="${colour}"
      stroke-width="3"
    />
    <line
      x1="${px(x(interval.lower))}"
      x2="${px(x(interval.lower))}"
      y1="31"
      y2="45"
      stroke="${colour}"
      stroke-width="2"
    />
    <line
      x1="${px(x(interval.upper))}"
      x2="${px(x(interval.upper))}"
      y1="31"
      y2="45"
      stroke="${colour}"
      stroke-width="2"
    />
    <circle cx="${px(x(estimate))}" cy="38" r="5.5" fill="${colour}" />
    ${spacedLabels(
      [interval.lower, estimate, interval.upper].map((value) => ({ x: x(value), text: formatSigned(value) })),
      78,
    )}
  </svg>`;
}

/** An interval and its estimate on an axis that several rows share, with a line at no change. */
export function whiskerChart(
  of: { readonly increase: number | null; readonly interval: ReplayGate['interval'] },
  axis: { readonly from: number; readonly until: number },
): Markup {
  const { increase, interval } = of;
  if (interval === null || increase === null) return html``;
  const x = scale(axis.from, axis.until === axis.from ? axis.from + 1 : axis.until, 4, 196);
  const colour = interval.lower > 0 ? 'var(--bad)' : interval.upper < 0 ? 'var(--good)' : 'var(--open)';
  const label = `${formatSigned(increase)}, ${formatSigned(interval.lower)} to ${formatSigned(interval.upper)}`;
  return html`<svg viewBox="0 0 200 16" role="img" aria-label="${label}">
    <line x1="${px(x(0))}" x2="${px(x(0))}" y1="0" y2="16" stroke="var(--text)" stroke-dasharray="2 2" />
    <line
      x1="${px(x(interval.lower))}"
      x2="${px(x(interval.upper))}"
      y1="8"
      y2="8"
      stroke="${colour}"
      stroke-width="2"
    />
    <circle cx="${px(x(increase))}" cy="8" r="3.5" fill="${colour}" />
  </svg>`;
}

/** Labels under an axis, moved apart where they would touch; the middle one is dropped where there is no room. */
function spacedLabels(
  labels: readonly { readonly x: number; readonly text: string }[],
  y: number,
): readonly Markup[] {
  const [low, middle, high] = labels;
  if (low === undefined || middle === undefined || high === undefined) return [];
  // As wide as on a narrow page, where the letters are larger.
  const half = (text: string): number => text.length * 5.2 + 3;
  const roomy =
    middle.x - low.x > half(low.text) + half(middle.text) &&
    high.x - middle.x > half(high.text) + half(middle.text);
  const apart = high.x - low.x > half(low.text) + half(high.text) + 6;
  const text = (x: number, words: string, anchor: string): Markup =>
    html`<text x="${px(x)}" y="${y}" text-anchor="${anchor}">${words}</text>`;
  if (roomy) return labels.map((label) => text(label.x, label.text, 'middle'));
  if (apart) return [text(low.x, low.text, 'middle'), text(high.x, high.text, 'middle')];
  return [text(middle.x, `${low.text} to ${high.text}`, 'middle')];
}

const plot = { left: 46, right: width - 8, top: 10, bottom: 176, height: 204 };

/** Mean loss of both sides by day; a day without judged rows leaves a gap. */
export function dayChart(days: readonly Day[]): Markup {
  const losses = days.flatMap(({ controlLoss, candidateLoss }) =>
    controlLoss === null || candidateLoss === null ? [] : [controlLoss, candidateLoss],
  );
  if (losses.length === 0) return html``;
  const most = Math.max(...losses);
  const least = Math.min(...losses);
  const pad = (most - least) * 0.08 || Math.abs(most) * 0.1 || 1;
  const y = scale(Math.max(0, least - pad), most + pad, plot.bottom, plot.top);
  const x = scale(0, Math.max(1, days.length - 1), plot.left, plot.right);
  const line = (value: (day: Day) => number | null): string => {
    let pen = 'M';
    return days
      .map((day, index) => {
        const loss = value(day);
        if (loss === null) {
          pen = 'M';
          return '';
        }
        const step = `${pen}${px(x(index))} ${px(y(loss))}`;
        pen = 'L';
        return step;
      })
      .join('');
  };
  const middle = Math.floor((days.length - 1) / 2);
  const ticks = days.length > 2 ? [0, middle, days.length - 1] : days.map((_, index) => index);
  // A single day is a dot: a path of one point draws nothing but its round cap.
  return html`<svg viewBox="0 0 ${width} ${plot.height}" role="img" aria-label="mean loss by day">
    ${yAxis(Math.max(0, least - pad), most + pad, y)}
    ${ticks.map(
      (index) =>
        html`<text x="${px(x(index))}" y="${plot.bottom + 18}" text-anchor="${anchorOf(index, days.length)}"
          >${days[index]?.day}</text
        >`,
    )}
    <path
      d="${line((day) => day.controlLoss)}"
      fill="none"
      stroke="var(--control)"
      stroke-width="${days.length === 1 ? 6 : 1.8}"
      stroke-linecap="round"
      stroke-linejoin="round"
    />
    <path
      d="${line((day) => day.candidateLoss)}"
      fill="none"
      stroke="var(--candidate)"
      stroke-width="${days.length === 1 ? 6 : 1.8}"
      stroke-linecap="round"
      stroke-linejoin="round"
    />
  </svg>`;
}

function anchorOf(index: number, count: number): string {
  if (index === 0) return 'start';
  return index === count - 1 ? 'end' : 'middle';
}

/** How the scores of both sides are spread: share of rows in each bin. */
export function densityChart(density: Density): Markup {
  const { from, until, control, candidate } = density;
  const rows = control.reduce((sum, count) => sum + count, 0);
  if (rows === 0) return html``;
  const most = Math.max(...control, ...candidate) / rows;
  const y = scale(0, most * 1.05, plot.bottom, plot.top);
  const x = scale(0, control.length, plot.left, plot.right);
  const steps = (counts: readonly number[]): string =>
    `M${px(x(0))} ${px(y(0))}${counts.map((count, bin) => `V${px(y(count / rows))}H${px(x(bin + 1))}`).join('')}V${px(y(0))}`;
  const ends = [from, (from + until) / 2, until];
  return html`<svg viewBox="0 0 ${width} ${plot.height}" role="img" aria-label="distribution of scores">
    ${yAxis(0, most * 1.05, y, (value) => `${formatValue(100 * value, 2)} %`)}
    ${ends.map(
      (value, index) =>
        html`<text
          x="${px(x((control.length * index) / 2))}"
          y="${plot.bottom + 18}"
          text-anchor="${anchorOf(index, 3)}"
          >${formatValue(value, 3)}</text
        >`,
    )}
    <path
      d="${steps(control)}"
      fill="var(--control)"
      fill-opacity=".16"
      stroke="var(--control)"
      stroke-width="1.6"
    />
    <path
      d="${steps(candidate)}"
      fill="var(--candidate)"
      fill-opacity=".13"
      stroke="var(--candidate)"
      stroke-width="1.6"
    />
  </svg>`;
}

/** Rows by the scores of both sides: on the diagonal they agree. Darker: more rows, by their logarithm. */
export function jointChart(joint: readonly (readonly number[])[]): Markup {
  const bins = joint.length;
  const side = 380;
  const left = 44;
  const size = side / bins;
  const most = Math.log1p(Math.max(1, ...joint.flat()));
  const cells = joint.flatMap((row, control) =>
    row.flatMap((count, candidate) =>
      count === 0
        ? []
        : [
            html`<rect
              x="${px(left + control * size)}"
              y="${px(side - (candidate + 1) * size)}"
              width="${px(size)}"
              height="${px(size)}"
              fill="var(--candidate)"
              fill-opacity="${(0.08 + (0.92 * Math.log1p(count)) / most).toFixed(2)}"
            />`,
          ],
    ),
  );
  const ticks = [0, 0.5, 1];
  return html`<svg
    viewBox="0 0 ${width} ${side + 42}"
    role="img"
    aria-label="scores of the candidate against scores of the control"
  >
    <rect x="${left}" y="0" width="${side}" height="${side}" fill="none" stroke="var(--line)" />
    ${cells}
    <line x1="${left}" y1="${side}" x2="${left + side}" y2="0" stroke="var(--text)" stroke-dasharray="3 3" />
    ${ticks.map(
      (tick, index) =>
        html`<text x="${px(left + tick * side)}" y="${side + 16}" text-anchor="${anchorOf(index, 3)}"
            >${tick}</text
          >
          <text
            x="${left - 8}"
            y="${px(side - tick * side + (index === 0 ? 0 : index === 1 ? 4 : 12))}"
            text-anchor="end"
            >${tick}</text
          >`,
    )}
    <text x="${left + side / 2}" y="${side + 36}" text-anchor="middle">score of the control</text>
    <text x="7" y="${side / 2}" text-anchor="middle" transform="rotate(-90 7 ${side / 2})">
      score of the candidate
    </text>
  </svg>`;
}

/** Share of positives against mean score, with 95 % intervals: on the diagonal, scores are what they say. */
export function calibrationChart({ control, candidate }: Calibration): Markup {
  const ends = [...control.bins, ...candidate.bins].flatMap(({ meanScore, interval }) => [
    meanScore,
    interval.upper,
  ]);
  const most = Math.min(1, Math.ceil(Math.max(...ends) * 10) / 10);
  const y = scale(0, most, plot.bottom, plot.top);
  const x = scale(0, most, plot.left, plot.right);
  const side = ({ bins }: SideCalibration, colour: string, shift: number): readonly Markup[] =>
    bins.map(({ meanScore, share, interval }) => {
      const at = px(x(meanScore) + shift);
      return html`<line
          x1="${at}"
          x2="${at}"
          y1="${px(y(interval.lower))}"
          y2="${px(y(Math.min(most, interval.upper)))}"
          stroke="${colour}"
          stroke-width="1.6"
        />
        <circle cx="${at}" cy="${px(y(share))}" r="4" fill="${colour}" />`;
    });
  return html`<svg viewBox="0 0 ${width} ${plot.height}" role="img" aria-label="share of positives by score">
    ${yAxis(0, most, y, (value) => `${formatValue(100 * value, 3)} %`)}
    ${[0, most / 2, most].map(
      (value, index) =>
        html`<text x="${px(x(value))}" y="${plot.bottom + 18}" text-anchor="${anchorOf(index, 3)}"
          >${formatValue(value, 2)}</text
        >`,
    )}
    <line
      x1="${px(x(0))}"
      y1="${px(y(0))}"
      x2="${px(x(most))}"
      y2="${px(y(most))}"
      stroke="var(--soft)"
      stroke-dasharray="4 4"
    />
    ${side(control, 'var(--control)', -2)} ${side(candidate, 'var(--candidate)', 2)}
  </svg>`;
}

function yAxis(
  from: number,
  until: number,
  y: (value: number) => number,
  words: (value: number) => string = (value) => formatValue(value, 3),
): readonly Markup[] {
  return roundTicks(from, until).map(
    (value) =>
      html`<line
          x1="${plot.left}"
          x2="${plot.right}"
          y1="${px(y(value))}"
          y2="${px(y(value))}"
          stroke="var(--line)"
        />
        <text x="${plot.left - 6}" y="${px(y(value) + 4)}" text-anchor="end">${words(value)}</text>`,
  );
}

/** Three to six round numbers within a range. */
function roundTicks(from: number, until: number): readonly number[] {
  const rough = (until - from) / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 5].find((factor) => factor * power >= rough) ?? 10) * power;
  const first = Math.ceil(from / step);
  const last = Math.floor(until / step);
  return Array.from({ length: last - first + 1 }, (_, index) =>
    Number(((first + index) * step).toPrecision(12)),
  );
}

function scale(from: number, until: number, low: number, high: number): (value: number) => number {
  return (value) => low + ((value - from) / (until - from)) * (high - low);
}

/** A tenth of a pixel is as fine as anybody sees. */
function px(value: number): string {
  return String(Math.round(value * 10) / 10);
}
