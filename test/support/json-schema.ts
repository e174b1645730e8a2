import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { root } from './run-command.js';

const published = join(root, 'docs', 'replay-report.v1.schema.json');

/** What the published JSON Schema finds wrong with a report; empty: nothing. */
export function jsonSchemaProblems(report: unknown): readonly string[] {
  const schema: unknown = JSON.parse(readFileSync(published, 'utf8'));
  if (typeof schema !== 'object' || schema === null) throw new Error(`${published} is no JSON object`);
  const ajv = new Ajv2020({ strict: true, allowUnionTypes: true, allErrors: true });
  if (ajv.validate(schema, report)) return [];
  return (ajv.errors ?? []).map(({ instancePath, message }) => `${instancePath}: ${message}`);
}
