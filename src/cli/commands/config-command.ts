import type { Command } from 'commander';
import { loadedConfigOf } from '../global-options.js';
import { logSettings } from '../log-settings.js';
import { print } from '../print.js';
import { textTable } from '../text-table.js';

/** `hindcast config`: what is in force, and where each value came from. Access tokens are never printed. */
export function configCommand(program: Command): void {
  program
    .command('config')
    .description('print the configuration in force and where each value came from')
    .action((_options: object, command: Command) => {
      const { config, sources, file } = loadedConfigOf(command);
      const values: readonly (readonly [string, string])[] = [
        ['data', config.data],
        ['server.host', config.server.host],
        ['server.port', String(config.server.port)],
        [
          'server.tokens',
          config.server.tokens.length === 0 ? 'none' : `${config.server.tokens.length} (not shown)`,
        ],
        ['logLevel', config.logLevel],
        [
          'log.url',
          config.log.url === undefined
            ? 'none: the log is in the data folder'
            : withoutPassword(config.log.url),
        ],
        ['log.streamPrefix', config.log.streamPrefix === '' ? 'none' : config.log.streamPrefix],
        ['spool', String(config.spool)],
        ['log.compressSealed', String(config.log.compressSealed)],
        ...Object.entries(logSettings(config)).map(([key, value]) => [key, value ?? 'no limit'] as const),
        ['projector.enabled', String(config.projector.enabled)],
      ];
      print(
        textTable(
          ['key', 'value', 'from'],
          values.map(([key, value]) => [key, value, sources[key] ?? 'default']),
        ),
      );
      print(file === undefined ? '\nno configuration file' : `\nfile ${file}`);
    });
}

/** A connection string as it may be shown. */
function withoutPassword(url: string): string {
  return url.replace(/\/\/[^@/]*@/, '//…@');
}
