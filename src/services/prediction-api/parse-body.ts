import type { z } from 'zod';
import { errors } from '../platform/errors.js';

/** Checks a parsed body against its schema. Throws REQUEST_INVALID naming the first field that does not fit. */
export function parseBody<Schema extends z.ZodType>(schema: Schema, body: unknown): z.infer<Schema> {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  throw errors.REQUEST_INVALID({ problem: firstProblem(parsed.error) });
}

/** The first issue of a failed parse in one sentence: where, and what was expected. */
export function firstProblem(error: z.ZodError): string {
  const issue = error.issues[0];
  if (issue === undefined) return 'it does not fit';
  const where = issue.path
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
    .join('');
  return where === '' ? lowered(issue.message) : `${where.replace(/^\./, '')}: ${lowered(issue.message)}`;
}

function lowered(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
