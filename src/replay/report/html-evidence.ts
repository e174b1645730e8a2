import { formatCount, formatPercent, formatSigned, formatValue } from './format-numbers.js';
import type { Markup } from './html-markup.js';
import { html } from './html-markup.js';
import { violationWords } from './input-violations.js';
import type { ReportOrigin } from './render-report.js';
import type { NoiseFloor, ReplayReport, WorstRow } from './report-schema.js';

/** Recorded inputs that the candidate's own contract objects to. */
export function violationsSection({ violations }: ReplayReport): Markup {
  if (violations.length === 0) return html``;
  return html`<section>
    <h2>Inputs that the candidate's contract objects to</h2>
    <ul>
      ${violations.map(
        (each) =>
          html`<li>
            ${each.feature}: ${formatCount(each.rows)} rows (${formatPercent(each.share, 2)})
            ${violationWords(each)}
          </li>`,
      )}
    </ul>
  </section>`;
}

/** The rows on which the candidate does worst, with everything needed to look at one. */
export function worstSection(report: ReplayReport): Markup {
  const { worst, failures } = report;
  const byLoss = worst.by === 'loss';
  const side = ({ label, value }: WorstRow['control']): string =>
    value === null ? (label ?? '–') : `${formatValue(value)}${label === null ? '' : ` (${label})`}`;
  const row = (each: WorstRow): Markup =>
    html`<tr class="head">
        <td>
          <span class="mono">${each.predictionId}</span><br />
          <span class="soft small"
            >${each.key === null ? '' : `${each.key}, `}${each.occurredAt}, position ${each.position}</span
          >
        </td>
        <td>${side(each.control)}</td>
        <td>${side(each.candidate)}</td>
        <td>${each.truth === null ? '–' : String(each.truth)}</td>
        <td>${formatSigned(each.increase)}</td>
      </tr>
      <tr>
        <td class="inputs" colspan="5">
          ${Object.entries(each.inputs).map(([name, value]) => html`<span>${name} <b>${inputWords(value)}</b></span> `)}
        </td>
      </tr>`;
  const table = html`<section>
    <h2>
      Worst rows: where ${byLoss ? 'the candidate loses most against the control' : 'the two differ most'}
    </h2>
    <div class="scroll">
      <table class="wide worst">
        <thead>
          <tr>
            <th>prediction</th>
            <th>control</th>
            <th>candidate</th>
            <th>truth</th>
            <th>${byLoss ? 'loss' : 'difference'}</th>
          </tr>
        </thead>
        <tbody>
          ${worst.rows.map(row)}
        </tbody>
      </table>
    </div>
  </section>`;
  const failed = html`<section>
    <h2>Rows on which the candidate failed</h2>
    <ul>
      ${failures.map(
        (each) =>
          html`<li>
            <span class="mono">${each.predictionId}</span> ${each.key ?? ''}:
            <span class="soft">${each.message}</span>
          </li>`,
      )}
    </ul>
  </section>`;
  return html`${worst.rows.length === 0 ? null : table} ${failures.length === 0 ? null : failed}`;
}

/** What the verdict rests on, what it leaves out, and how to get it again. */
export function evidenceSection(report: ReplayReport, origin: ReportOrigin | undefined): Markup {
  const { notes, notJudged, settings, control, candidate, log, knownUntil } = report;
  const versions = control.versions.map(
    ({ version, digest, rows }) =>
      html`<dd>
        ${version}, ${formatCount(rows)} rows, <span class="mono">${digest ?? 'imported, no artefact'}</span>
      </dd>`,
  );
  return html`<div class="two">
      <section>
        <h2>Can the record be trusted?</h2>
        ${noiseFloor(report.noiseFloor)} ${notes.map((note) => html`<p>${note}</p>`)}
        ${settings.given.length === 0 ? null : html`<p>The candidate was given ${settings.given.join(', ')}.</p>`}
      </section>
      <section>
        <h2>Not judged yet</h2>
        <ul>
          ${notJudged.map(({ what, why }) => html`<li><b>${what}</b>: ${why}</li>`)}
        </ul>
      </section>
    </div>
    <section>
      <h2>How to get this again</h2>
      <pre><code>${report.reproduce}</code></pre>
      <dl class="small">
        <dt>candidate</dt>
        <dd>${candidate.version}, <span class="mono">${candidate.digest}</span></dd>
        <dt>control (${control.kind === 'recorded' ? 'as recorded' : 'run again'})</dt>
        ${versions.length === 0 ? html`<dd>none</dd>` : versions.slice(0, 1)}
        ${versions.slice(1).map(
          (version) =>
            html`<dt></dt>
              ${version}`,
        )}
        <dt>log</dt>
        <dd>predictions before position ${log.position}</dd>
        ${
          origin?.logHash === undefined
            ? null
            : html`<dt>its hash there</dt>
                <dd>
                  <span class="mono">${origin.logHash}</span> (<code>hindcast log verify --expect-hash</code>
                  says whether a log still has it)
                </dd>`
        }
        <dt>truth known until</dt>
        <dd>${knownUntil ?? 'none is known'}</dd>
        ${
          origin === undefined
            ? null
            : html`<dt>written by</dt>
                <dd>hindcast ${origin.hindcast} on Node ${origin.node}</dd>`
        }
        <dt>settings</dt>
        <dd>
          margin ${100 * settings.margin} %, intervals at ${100 * settings.level} %, tolerance
          ${settings.tolerance}, agreement ${100 * settings.agreementLimit} %, seed
          ${settings.seed}${settings.sample === null ? '' : `, sample of about ${settings.sample}`}${settings.where === null ? '' : `, where ${settings.where}`}
        </dd>
      </dl>
    </section>`;
}

function noiseFloor(noise: NoiseFloor): Markup {
  if (noise.kind === 'none') return html`<p>No noise floor: ${noise.reason}.</p>`;
  return html`${noise.versions.map(
    (found) =>
      html`<p>
        ${found.version} was run again on ${formatCount(found.rows)} of its own rows and
        <b class="${found.reproduced ? 'better' : 'worse'}"
          >${found.reproduced ? 'reproduces' : 'does not reproduce'}</b
        >
        its record: largest difference ${formatValue(found.maxDifference)}, limit ${formatValue(noise.limit)},
        labels changed ${found.labelsChanged ?? '–'}.${found.problem === null ? '' : ` ${found.problem}.`}
      </p>`,
  )}`;
}

/** Seven digits are what a 32-bit float has. */
function inputWords(value: WorstRow['inputs'][string] | undefined): string {
  return typeof value === 'number' ? String(Number(value.toPrecision(7))) : String(value);
}
