import { z } from 'zod';
import { ReplayReport } from './report-schema.js';

/** The text of the JSON Schema (draft 2020-12) of `report.json`, made from the schema that every report is checked with. */
export function reportJsonSchema(): string {
  const schema = z.toJSONSchema(ReplayReport, { target: 'draft-2020-12' });
  const named = {
    $schema: schema.$schema,
    $id: 'urn:hindcast:replay-report:v1',
    title: 'Hindcast replay report, version 1',
    ...schema,
  };
  return `${JSON.stringify(named, undefined, 2)}\n`;
}
