import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { parseTimeOption } from '../../replay/time-option.js';
import { systemClock } from '../../services/platform/clock.js';
import { listenForInterruption } from '../interruption.js';
import { parsePort } from '../parse-port.js';

interface DemoFlags {
  readonly once?: boolean;
  readonly fresh?: boolean;
  readonly port?: number;
  readonly data?: string;
  readonly now?: string;
}

/** `hindcast demo`: the whole loop on real flights. */
export function demoCommand(program: Command): void {
  program
    .command('demo')
    .description('the whole loop on half a year of real flights: seed, replay, drift, SQL, serve')
    .option('--once', 'end after the showing instead of serving')
    .option('--fresh', 'start over, even when an earlier run can be resumed')
    .option('--port <number>', 'port to serve on (default: 8080)', parsePort)
    .option('--now <instant>', 'take this for the present instant, so that the output can be repeated')
    .action(async (_flags: object, command: Command) => {
      const flags: DemoFlags = command.optsWithGlobals();
      const signal = listenForInterruption();
      const now =
        flags.now === undefined
          ? systemClock.nowMicros()
          : parseTimeOption(flags.now, systemClock.nowMicros(), '--now');
      const { runDemo } = await import('../demo/run-demo.js');
      await runDemo({
        directory: resolve(flags.data ?? join('hindcast-data', 'demo')),
        now,
        fresh: flags.fresh === true,
        once: flags.once === true,
        port: flags.port,
        signal,
      });
    });
}
