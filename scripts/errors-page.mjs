// Writes docs/errors.md from the catalogue (`node scripts/errors-page.mjs`); `--check` only says whether it is current.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ensureReady, root } from './ready.mjs';

ensureReady();
const { catalogue, exitCodes } = await import(join(root, 'dist', 'services', 'platform', 'errors.js'));

const placeholder = (name) => ({
  toString: () => `‹${name}›`,
  join: () => `‹${name}›`,
  [Symbol.toPrimitive]: () => `‹${name}›`,
});
const details = new Proxy({}, { get: (_target, name) => placeholder(String(name)) });

const sections = Object.entries(catalogue).map(
  ([code, entry]) =>
    `## ${code}\n\nHTTP ${entry.status} · exit ${entry.exitCode ?? exitCodes.usage}\n\n> ${entry.message(details)}\n\n**What to do.** ${entry.action}\n`,
);
const page = `# Errors

Every fault has a code, an HTTP status, an exit code, a message that says what was wrong, and a sentence on what to do.
Over HTTP the body is \`{"error": {"code", "message", "action"}}\`; a command prints the same on standard error. This page is
made from the catalogue in \`src/services/platform/errors.ts\` by \`node scripts/errors-page.mjs\`, and a test holds the two together.

Exit codes of every command: 0 success · 64 usage or input that has to be mended · 70 a fault of Hindcast or of the machine · 130
interrupted. \`replay\` adds its verdicts: 0 PASS · 1 FAIL · 2 INCONCLUSIVE · 3 INVALID. A crash never ends with 1.

${sections.join('\n')}`;

const path = join(root, 'docs', 'errors.md');
if (process.argv.includes('--check')) {
  const current = existsSync(path) && readFileSync(path, 'utf8') === page;
  console.log(
    current ? 'docs/errors.md is current' : 'docs/errors.md is stale: run node scripts/errors-page.mjs',
  );
  process.exit(current ? 0 : 1);
}
writeFileSync(path, page);
console.log(`${sections.length} codes written to docs/errors.md`);
