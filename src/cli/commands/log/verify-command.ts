import { InvalidArgumentError } from 'commander';
import type { Command } from 'commander';
import { surveyDamage } from '../../../services/event-log/repair/survey-damage.js';
import { type Verification, verifyLog } from '../../../services/event-log/verify-log.js';
import { errors } from '../../../services/platform/errors.js';
import { configOf } from '../../global-options.js';
import { paint } from '../../paint.js';
import { print } from '../../print.js';
import { startProgress } from '../../progress.js';
import { logFolder } from '../../workspace.js';
import { damageLines, verifiedLines } from './verification-lines.js';

interface VerifyOptions {
  readonly expectHash?: string;
  readonly deep?: boolean;
  readonly quiet?: boolean;
}

/** `hindcast log verify`: is the log whole, and if not, where is it damaged and what can still be read? */
export function verifyCommand(log: Command): void {
  log
    .command('verify')
    .description('read the whole chain: every CRC, every hash, every position')
    .option('--expect-hash <sha256>', 'hold the chain against a hash that was kept elsewhere', parseHash)
    .option('--deep', 'also check every event against its schema')
    .option('--quiet', 'no progress')
    .addHelpText(
      'after',
      '\nExample:\n  hindcast log verify --deep\nIt reads only, also while the server writes. A tail that was cut off whole is seen only with --expect-hash;\nthe hash may be an older one, of which the log went on since.',
    )
    .action(async (options: VerifyOptions, command: Command) => {
      const directory = logFolder(configOf(command));
      const progress = startProgress({ what: 'verifying', unit: 'bytes', quiet: options.quiet === true });
      const started = performance.now();
      const found = await verifyLog({
        directory,
        onProgress: ({ bytes, totalBytes }) => progress.update(bytes, totalBytes),
        deep: options.deep === true,
        ...(options.expectHash === undefined ? undefined : { expectHash: options.expectHash }),
      }).finally(progress.stop);
      const seconds = (performance.now() - started) / 1000;
      for (const line of verifiedLines(found)) print(line);
      const colours = paint(process.stdout);
      if (found.damage === undefined) {
        const rate = Math.round(found.events / Math.max(seconds, 0.001)).toLocaleString('en-US');
        print(`${colours.good('whole')} (${rate} events/s)`);
        if (options.expectHash !== undefined) print(expectedLine(found, directory, options.expectHash));
        return;
      }
      const { damage } = found;
      for (const line of damageLines(found, damage, await surveyDamage(directory, damage))) print(line);
      throw errors.LOG_CORRUPT({ ...damage, position: String(damage.position) });
    });
}

function expectedLine(
  { expectedAt, events, dropped }: Verification,
  directory: string,
  hash: string,
): string {
  if (expectedAt === undefined) throw errors.LOG_HASH_MISSING({ directory, hash });
  const since = (dropped?.events ?? 0) + events - expectedAt;
  return since === 0
    ? 'it ends with the expected hash'
    : `it had the expected hash before position ${expectedAt}; ${since} events came since`;
}

function parseHash(text: string): string {
  if (!/^[0-9a-f]{64}$/i.test(text))
    throw new InvalidArgumentError(
      'expected a SHA-256 in hex, 64 characters, as `hindcast log stat` prints it',
    );
  return text.toLowerCase();
}
