import { cpus, totalmem } from 'node:os';
import { runDemoBench } from './demo.js';
import { runLogBench } from './log.js';
import { runReplayBench } from './replay.js';
import { runReplayMemoryBench } from './replay-memory.js';
import { runServeBench } from './serve.js';
import { runVerdictBench } from './verdict.js';

/** `npm run bench -- serve`: each benchmark prints its table; without a name all of them run. */
const benchmarks: { readonly [name: string]: () => Promise<string> } = {
  serve: runServeBench,
  replay: runReplayBench,
  'replay-memory': runReplayMemoryBench,
  demo: runDemoBench,
  log: runLogBench,
  verdict: runVerdictBench,
};

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => benchmarks[name] === undefined);
if (unknown.length > 0) {
  console.error(
    `no benchmark is named ${unknown.join(', ')}; there are ${Object.keys(benchmarks).join(', ')}`,
  );
  process.exit(64);
}
console.log(
  `Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GiB, ${new Date().toISOString().slice(0, 10)}\n`,
);
for (const [name, run] of Object.entries(benchmarks)) {
  if (asked.length > 0 && !asked.includes(name)) continue;
  console.log(`## ${name}\n\n${await run()}\n`);
}
process.exit(0);
