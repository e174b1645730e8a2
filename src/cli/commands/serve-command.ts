import type { Command } from 'commander';
import { createLogger } from '../../services/platform/logger.js';
import { configOf } from '../global-options.js';
import { listenForInterruption } from '../interruption.js';
import { parsePort } from '../parse-port.js';
import { note } from '../print.js';

/** `hindcast serve`: the endpoint, the projector and the metrics in one process, until Ctrl-C or SIGTERM. */
export function serveCommand(program: Command): void {
  program
    .command('serve')
    .description('serve predictions over HTTP, each stored before it is answered')
    .option('--host <address>', 'address to listen on (default: 127.0.0.1)')
    .option('--port <number>', 'port to listen on (default: 8080; 0 takes a free one)', parsePort)
    .option('--no-projector', 'do not write datasets in this process (queries still see everything)')
    .action(async (_options: object, command: Command) => {
      const config = configOf(command);
      const signal = listenForInterruption();
      const { startServer } = await import('../start-server.js');
      const server = await startServer(config, createLogger(config.logLevel));
      note(
        `serving ${server.models.join(', ') || 'no model yet'} on ${server.url}   docs ${server.url}/docs   data ${config.data}`,
      );
      await stopped(signal);
      await server.stop();
      note('stopped; everything acknowledged is durable');
    });
}

export async function stopped(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
