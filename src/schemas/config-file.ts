import { z } from 'zod';
import { DurabilityText } from './durability.js';
import { ByteSize, Duration } from './quantities.js';

/** Where the log is when it is not in the data folder: a KurrentDB connection string. */
const LogUrl = z
  .string()
  .regex(/^(?:kurrentdb|kurrent|kdb|esdb)(?:\+discover)?:\/\/\S+$/, 'expected kurrentdb://host:port');

/** Put before the name of every stream, so that several logs can share a cluster. */
const StreamPrefix = z
  .string()
  .regex(/^[a-zA-Z0-9][\w-]{0,62}$/, 'expected letters, digits, - and _, 63 at most');

/** `hindcast.yaml`; every key may be left out. `HINDCAST_<KEY>` (dots become _) overrides the file, a flag overrides both. */
export const ConfigFile = z.strictObject({
  data: z.string().min(1).optional(),
  server: z
    .strictObject({
      host: z.string().min(1).optional(),
      port: z.int().min(0).max(65_535).optional(),
      tokens: z.array(z.string().min(16, 'expected an access token of at least 16 characters')).optional(),
    })
    .optional(),
  logLevel: z.enum(['debug', 'info', 'warn', 'error', 'silent']).optional(),
  log: z.preprocess(
    // `log: kurrentdb://…` is short for `log: { url: kurrentdb://… }`.
    (value) => (typeof value === 'string' ? { url: value } : value),
    z
      .strictObject({
        url: LogUrl.optional(),
        streamPrefix: StreamPrefix.optional(),
        compressSealed: z.boolean().optional(),
        retain: Duration.optional(),
        retainBytes: ByteSize.optional(),
        durability: DurabilityText.optional(),
      })
      .optional(),
  ),
  spool: z.boolean().optional(),
  projector: z.strictObject({ enabled: z.boolean().optional() }).optional(),
});
export type ConfigFile = z.infer<typeof ConfigFile>;
