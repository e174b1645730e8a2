// Writes docs/replay-report.v1.schema.json from the code (`node scripts/report-schema.mjs`); `--check` only says whether it is current.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ensureReady, root } from './ready.mjs';

ensureReady();
const { reportJsonSchema } = await import(join(root, 'dist', 'replay', 'report', 'report-json-schema.js'));
const path = join(root, 'docs', 'replay-report.v1.schema.json');
const schema = reportJsonSchema();
if (process.argv.includes('--check')) {
  const current = existsSync(path) && readFileSync(path, 'utf8') === schema;
  console.log(
    current
      ? 'docs/replay-report.v1.schema.json is current'
      : 'docs/replay-report.v1.schema.json is stale: run node scripts/report-schema.mjs',
  );
  process.exit(current ? 0 : 1);
}
writeFileSync(path, schema);
console.log(`${schema.length} characters written to docs/replay-report.v1.schema.json`);
