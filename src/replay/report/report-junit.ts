import { candidateWords } from './candidate-words.js';
import { gateWords, limitWords } from './condition-words.js';
import { formatInterval, formatSigned } from './format-numbers.js';
import type { ReplayGate, ReplayReport } from './report-schema.js';
import { visibleText } from './visible-text.js';

/**
 * The report as JUnit XML, for the test pages of CI systems. The first case is the verdict itself, then every gate is a case.
 *
 * - FAIL is a `failure`.
 * - INCONCLUSIVE is a `failure` too, of type INCONCLUSIVE: the gate was tried and did not show what it must. `skipped` would be
 *   the other choice, but CI systems show a suite with skipped cases as green, which would make too little data a silent pass.
 * - INVALID is an `error`: the test itself is broken and says nothing about the candidate. Its gates are `skipped`, since what
 *   they found counts for nothing; the error on the verdict keeps the suite red.
 */
export function renderJunitReport(report: ReplayReport): string {
  const { verdict, reason, model, gates, reproduce } = report;
  const name = `replay ${model}@${candidateWords(report)}`;
  const cases = [
    testCase({
      name: 'verdict',
      className: name,
      outcome: outcomeOf(verdict, reason),
      output: [`${verdict}: ${reason}`, reproduce],
    }),
    ...gates.map((gate) =>
      testCase({
        name: gateWords(gate),
        className: name,
        outcome:
          verdict === 'INVALID'
            ? { element: 'skipped', type: 'INVALID', message: 'not judged, since the comparison is invalid' }
            : outcomeOf(gate.verdict, gate.reason),
        output: gateOutput(gate),
      }),
    ),
  ];
  return suiteOf(name, cases);
}

/** Of a comparison that could not be made: one case, which is an `error`. */
export function junitOfNothing(name: string, problem: string, advice: string): string {
  const outcome = { element: 'error', type: 'INVALID', message: `INVALID: ${problem}` } as const;
  return suiteOf(name, [testCase({ name: 'verdict', className: name, outcome, output: [advice] })]);
}

function suiteOf(name: string, cases: readonly TestCase[]): string {
  const count = (element: Outcome['element']): number =>
    cases.filter(({ outcome }) => outcome?.element === element).length;
  const counts = `tests="${cases.length}" failures="${count('failure')}" errors="${count('error')}" skipped="${count('skipped')}"`;
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="hindcast replay" ${counts}>`,
    `  <testsuite name="${attribute(name)}" ${counts}>`,
    ...cases.map(({ xml }) => xml),
    '  </testsuite>',
    '</testsuites>',
    '',
  ].join('\n');
}

interface Outcome {
  readonly element: 'failure' | 'error' | 'skipped';
  readonly type: string;
  readonly message: string;
}

function outcomeOf(verdict: ReplayReport['verdict'], reason: string): Outcome | undefined {
  switch (verdict) {
    case 'PASS':
      return undefined;
    case 'FAIL':
    case 'INCONCLUSIVE':
      return { element: 'failure', type: verdict, message: `${verdict}: ${reason}` };
    case 'INVALID':
      return { element: 'error', type: verdict, message: `${verdict}: ${reason}` };
  }
}

function gateOutput(gate: ReplayGate): readonly string[] {
  const found =
    gate.interval === null
      ? 'no interval'
      : `${formatSigned(gate.estimate)} ${formatInterval(gate.interval)}`;
  return [
    `${gate.verdict}: ${gate.reason}`,
    `${gate.measures}: ${found}, must lie ${limitWords(gate)}; ${gate.rows} rows`,
    ...(gate.rowsNeeded === null ? [] : [`about ${gate.rowsNeeded} rows would be needed`]),
  ];
}

interface TestCase {
  readonly outcome: Outcome | undefined;
  readonly xml: string;
}

function testCase(options: {
  readonly name: string;
  readonly className: string;
  readonly outcome: Outcome | undefined;
  readonly output: readonly string[];
}): TestCase {
  const { name, className, outcome, output } = options;
  const lines = [
    `    <testcase classname="${attribute(className)}" name="${attribute(name)}">`,
    ...(outcome === undefined
      ? []
      : [
          `      <${outcome.element} type="${outcome.type}" message="${attribute(outcome.message)}"></${outcome.element}>`,
        ]),
    `      <system-out>${output.map(escaped).join('\n')}</system-out>`,
    '    </testcase>',
  ];
  return { outcome, xml: lines.join('\n') };
}

function attribute(text: string): string {
  return escaped(text).replaceAll('"', '&quot;');
}

/** Characters that XML 1.0 forbids are gone before; `>` is escaped because of `]]>`. */
function escaped(text: string): string {
  return visibleText(text).replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
