import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { ConfigFile } from '../../schemas/config-file.js';
import type { Durability } from '../../schemas/durability.js';
import { errors } from './errors.js';
import { parseYaml } from './yaml-file.js';

/** What is in force, frozen. Nothing else reads the environment or the configuration file. */
export interface Config {
  /** Absolute path of the data folder. */
  readonly data: string;
  readonly server: { readonly host: string; readonly port: number; readonly tokens: readonly string[] };
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  readonly log: {
    /** Of a KurrentDB cluster; undefined: the log is in the data folder, and the settings below are about it. */
    readonly url: string | undefined;
    readonly streamPrefix: string;
    /** Segments that are full are written anew with compressed frames. */
    readonly compressSealed: boolean;
    /** Segments whose events were all recorded longer ago are dropped; undefined: age drops nothing. */
    readonly retainMs: number | undefined;
    /** The oldest segments beyond so many bytes are dropped; undefined: size drops nothing. */
    readonly retainBytes: number | undefined;
    readonly durability: Durability;
  };
  /** While the cluster is away, predictions are kept on this machine's disk and shipped afterwards. */
  readonly spool: boolean;
  readonly projector: { readonly enabled: boolean };
}

type ConfigSource = 'default' | 'file' | 'environment' | 'flag';

export interface LoadedConfig {
  readonly config: Config;
  /** Key (`server.port`) → where its value came from. */
  readonly sources: Readonly<Record<string, ConfigSource>>;
  /** Absolute path of the file that was read; undefined: there is none. */
  readonly file: string | undefined;
}

export interface ConfigFlags {
  readonly data?: string | undefined;
  readonly log?: string | undefined;
  readonly host?: string | undefined;
  readonly port?: number | undefined;
  readonly projector?: boolean | undefined;
  readonly config?: string | undefined;
}

/**
 * Merges flags over environment over file over defaults. Throws CONFIG_INVALID with the source and the key, and
 * ADDRESS_NEEDS_TOKENS for an address beyond this machine without access tokens.
 */
export function loadConfig(
  flags: ConfigFlags = {},
  environment: NodeJS.ProcessEnv = process.env,
): LoadedConfig {
  const file = configPath(flags, environment);
  const fromFile = file === undefined ? {} : readConfigFile(file);
  const fromEnvironment = parseEnvironment(environment);
  const sources: Record<string, ConfigSource> = {};
  const pick = <T>(
    key: string,
    flag: T | undefined,
    env: T | undefined,
    inFile: T | undefined,
    fallback: T,
  ): T => {
    const [source, value]: [ConfigSource, T] =
      flag !== undefined
        ? ['flag', flag]
        : env !== undefined
          ? ['environment', env]
          : inFile !== undefined
            ? ['file', inFile]
            : ['default', fallback];
    sources[key] = source;
    return value;
  };
  const config: Config = Object.freeze({
    data: resolve(pick('data', flags.data, fromEnvironment.data, fromFile.data, './hindcast-data')),
    server: Object.freeze({
      host: pick('server.host', flags.host, fromEnvironment.server?.host, fromFile.server?.host, '127.0.0.1'),
      port: pick('server.port', flags.port, fromEnvironment.server?.port, fromFile.server?.port, 8080),
      tokens: pick<readonly string[]>(
        'server.tokens',
        undefined,
        fromEnvironment.server?.tokens,
        fromFile.server?.tokens,
        [],
      ),
    }),
    logLevel: pick('logLevel', undefined, fromEnvironment.logLevel, fromFile.logLevel, 'info'),
    log: Object.freeze({
      url: pick('log.url', flags.log, fromEnvironment.log?.url, fromFile.log?.url, undefined),
      streamPrefix: pick(
        'log.streamPrefix',
        undefined,
        fromEnvironment.log?.streamPrefix,
        fromFile.log?.streamPrefix,
        '',
      ),
      compressSealed: pick(
        'log.compressSealed',
        undefined,
        fromEnvironment.log?.compressSealed,
        fromFile.log?.compressSealed,
        false,
      ),
      retainMs: pick('log.retain', undefined, fromEnvironment.log?.retain, fromFile.log?.retain, undefined),
      retainBytes: pick(
        'log.retainBytes',
        undefined,
        fromEnvironment.log?.retainBytes,
        fromFile.log?.retainBytes,
        undefined,
      ),
      durability: Object.freeze(
        pick<Durability>(
          'log.durability',
          undefined,
          fromEnvironment.log?.durability,
          fromFile.log?.durability,
          { mode: 'durable' },
        ),
      ),
    }),
    spool: pick('spool', undefined, fromEnvironment.spool, fromFile.spool, false),
    projector: Object.freeze({
      enabled: pick(
        'projector.enabled',
        flags.projector,
        fromEnvironment.projector?.enabled,
        fromFile.projector?.enabled,
        true,
      ),
    }),
  });
  return { config, sources, file };
}

/** Throws ADDRESS_NEEDS_TOKENS when a server would listen beyond this machine without access tokens. */
export function assertSafeAddress(server: Config['server']): void {
  const local =
    server.host === 'localhost' || server.host === '::1' || /^127(\.\d{1,3}){3}$/.test(server.host);
  if (!local && server.tokens.length === 0) throw errors.ADDRESS_NEEDS_TOKENS({ host: server.host });
}

function readConfigFile(path: string): ConfigFile {
  const read = parseYaml(readFileSync(path, 'utf8'), ConfigFile);
  if (read.kind === 'read') return read.value;
  throw errors.CONFIG_INVALID({
    source: path,
    problem: read.kind === 'invalid' ? read.problem : 'it is empty',
  });
}

function configPath(flags: ConfigFlags, environment: NodeJS.ProcessEnv): string | undefined {
  const named = flags.config ?? environment['HINDCAST_CONFIG'];
  if (named !== undefined) {
    const path = resolve(named);
    if (!existsSync(path)) throw errors.FILE_NOT_FOUND({ path });
    return path;
  }
  const path = resolve('hindcast.yaml');
  return existsSync(path) ? path : undefined;
}

function parseEnvironment(environment: NodeJS.ProcessEnv): ConfigFile {
  const text = (name: string): string | undefined => {
    const value = environment[`HINDCAST_${name}`];
    return value === undefined || value === '' ? undefined : value;
  };
  const port = text('SERVER_PORT');
  const tokens = text('SERVER_TOKENS');
  const enabled = text('PROJECTOR_ENABLED');
  const compressSealed = text('LOG_COMPRESS_SEALED');
  const parsed = ConfigFile.safeParse({
    data: text('DATA'),
    server: {
      host: text('SERVER_HOST'),
      port: port === undefined ? undefined : Number(port),
      tokens: tokens?.split(','),
    },
    logLevel: text('LOG_LEVEL'),
    log: {
      url: text('LOG'),
      streamPrefix: text('LOG_STREAM_PREFIX'),
      compressSealed: asFlag(compressSealed),
      retain: text('LOG_RETAIN'),
      retainBytes: text('LOG_RETAIN_BYTES'),
      durability: text('LOG_DURABILITY'),
    },
    spool: asFlag(text('SPOOL')),
    projector: { enabled: asFlag(enabled) },
  });
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const name = `HINDCAST_${(issue?.path ?? [])
    .join('_')
    .replaceAll(/([a-z])([A-Z])/g, '$1_$2')
    .toUpperCase()}`;
  throw errors.CONFIG_INVALID({ source: name, problem: issue?.message ?? 'it does not fit' });
}

/** What is neither stays a text, for the schema to refuse. */
function asFlag(value: string | undefined): boolean | string | undefined {
  return value === undefined ? undefined : ({ true: true, false: false }[value] ?? value);
}
