import { z } from 'zod';

interface RouteDocs {
  readonly summary: string;
  readonly description?: string;
  readonly body?: z.ZodType;
  readonly params?: z.ZodType;
  readonly response?: z.ZodType;
}

/** Route options that only document: OpenAPI is made from the same zod schemas that the handlers check with. */
export function documented(docs: RouteDocs): { schema: Record<string, unknown> } {
  const schema: Record<string, unknown> = {
    summary: docs.summary,
    description: docs.description ?? docs.summary,
  };
  if (docs.body !== undefined) schema['body'] = jsonSchema(docs.body);
  if (docs.params !== undefined) schema['params'] = jsonSchema(docs.params);
  if (docs.response !== undefined) {
    schema['response'] = { 200: jsonSchema(docs.response), default: jsonSchema(errorAnswer) };
  }
  return { schema };
}

const errorAnswer = z.object({
  error: z.object({ code: z.string(), message: z.string(), action: z.string() }),
});

function jsonSchema(schema: z.ZodType): unknown {
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
