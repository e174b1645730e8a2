import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { smallDemo } from '../support/flights-folder.js';
import { describeWith, plainPython } from '../support/optional.js';
import { root, runCommand } from '../support/run-command.js';
import { temporaryFolder } from '../support/temporary-folder.js';

/** Control sequences: colours, cursor, clearing. */
// What a terminal is sent is what is looked for here, so the patterns name the escape character.
// oxlint-disable-next-line no-control-regex
const sequence = /\u001b(?:\[[?\d;]*[A-Za-z]|[78])/g;
// As above.
// oxlint-disable-next-line no-control-regex
const colour = /\u001b\[3\dm/;

describeWith(plainPython, 'replay on a terminal of 80 columns', () => {
  let data = '';
  const range = ['--since', '2013-07-01', '--until', '2013-07-21'];

  beforeAll(async () => {
    data = join(await temporaryFolder(), 'demo');
    expect((await smallDemo(data)).code).toBe(0);
  });

  const onTerminal = (args: readonly string[]): { readonly code: number | null; readonly output: string } => {
    const { NO_COLOR: _noColor, ...environment } = process.env;
    const result = spawnSync(
      plainPython.command,
      [
        join(root, 'test', 'support', 'in_terminal.py'),
        process.execPath,
        join(root, 'dist', 'cli', 'replay-bin.js'),
        ...args,
        ...range,
        '--data',
        data,
      ],
      { encoding: 'utf8', env: { ...environment, TERM: 'xterm' } },
    );
    return { code: result.status, output: result.stdout };
  };
  /** Lines as they stand on the screen: what begins at the left again overwrites. */
  const screenLines = (output: string): readonly string[] =>
    // As above: the escape that goes to the first column.
    // oxlint-disable-next-line no-control-regex
    output.split(/\r\n|\n|\r|\u001b\[1?G/).map((line) => line.replaceAll(sequence, ''));

  it('has colour and a bar with rate and time left, and nothing wider than the terminal', () => {
    const { code, output } = onTerminal(['--model', 'v2']);
    expect(code).toBe(0);
    expect(output).toMatch(colour);
    expect(output).toMatch(/replaying .*\d+%.* rows\/s .* left/);
    for (const line of screenLines(output)) expect(line.length, line).toBeLessThanOrEqual(80);
  });

  it('has no bar when it should be quiet, and still the verdict', () => {
    const { code, output } = onTerminal(['--model', 'v3', '--quiet']);
    expect(code).toBe(1);
    expect(output).not.toContain('rows/s');
    expect(screenLines(output)[0]).toMatch(/^FAIL {2}flights: v3/);
  });

  it('has no colour and no control sequence in a pipe', async () => {
    const args = ['--model', 'v2', ...range, '--data', data];
    const piped = await runCommand('replay', args, { env: { NO_COLOR: '', FORCE_COLOR: '1' } });
    expect(piped.code).toBe(0);
    expect(`${piped.stdout}${piped.stderr}`).not.toContain('\u001b');
    expect(piped.stderr).toMatch(/^replaying \d+% {2}\d+\/\d+ rows {2}[\d,]+ rows\/s/);
  });
});
