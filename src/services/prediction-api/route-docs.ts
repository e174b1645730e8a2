import { z } from 'zod';

interface RouteDocs {
  readonly summary: string;
  readonly description?: string;
  readonly body?: z.ZodType;
  readonly params?: z.ZodType;
  readonly headers?: z.ZodType;
  readonly response?: z.ZodType;
  /** Headers of the answer, each with what it says. */
  readonly replyHeaders?: { readonly [name: string]: string };
}

/**
 * Route options that only document: OpenAPI is made from the same zod schemas that the handlers check with. What the
 * request consists of stands under a key of its own, so that fastify does not look for something to check in each.
 */
export function documented(docs: RouteDocs): { schema: Record<string, unknown> } {
  const schema: Record<string, unknown> = {
    summary: docs.summary,
    description: docs.description ?? docs.summary,
  };
  const { body, params, headers } = docs;
  schema[requestKey] = Object.fromEntries(
    Object.entries({ body, params, headers }).flatMap(([part, type]) =>
      type === undefined ? [] : [[part, jsonSchema(type)]],
    ),
  );
  if (docs.response !== undefined) {
    schema['response'] = {
      200: { ...jsonSchema(docs.response), ...headersOf(docs.replyHeaders) },
      default: jsonSchema(errorAnswer),
    };
  }
  return { schema };
}

/** A route's schema as OpenAPI shows it. */
export function shownSchema(schema: object): object {
  const { [requestKey]: request, ...rest }: Record<string, unknown> = { ...schema };
  return typeof request === 'object' && request !== null ? { ...rest, ...request } : rest;
}

const requestKey = 'documentedRequest';

const errorAnswer = z.object({
  error: z.object({ code: z.string(), message: z.string(), action: z.string() }),
});

function headersOf(headers: RouteDocs['replyHeaders']): object {
  if (headers === undefined) return {};
  const entries = Object.entries(headers);
  return {
    headers: Object.fromEntries(
      entries.map(([name, description]) => [name, { type: 'string', description }]),
    ),
  };
}

function jsonSchema(schema: z.ZodType): object {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, {
    unrepresentable: 'any',
    io: 'input',
    override: ({ zodSchema, jsonSchema: made }) => {
      if (zodSchema._zod.def.type === 'custom')
        Object.assign(made, { type: 'object', additionalProperties: true });
    },
  });
  return rest;
}
