import { readFile } from 'node:fs/promises';
import { type Document, isMap, isNode, isScalar, LineCounter, parseDocument } from 'yaml';
import type { z } from 'zod';
import { limits } from './limits.js';

/** `problem` names line and field, what was found and what was expected; several are joined by `; `. */
export type YamlFile<Value> =
  | { readonly kind: 'read'; readonly value: Value; readonly text: string }
  | { readonly kind: 'absent' }
  | { readonly kind: 'invalid'; readonly problem: string };

/** Reads a YAML file (UTF-8, at most `yamlBytesMax`) and holds it against a schema. */
export async function readYamlFile<Value>(path: string, schema: z.ZodType<Value>): Promise<YamlFile<Value>> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return { kind: 'absent' };
    return { kind: 'invalid', problem: cause instanceof Error ? cause.message : String(cause) };
  }
  if (bytes.length > limits.yamlBytesMax) {
    const problem = `the file has ${bytes.length} bytes, expected at most ${limits.yamlBytesMax}`;
    return { kind: 'invalid', problem };
  }
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return { kind: 'invalid', problem: 'the file is not UTF-8 text' };
  }
  return parseYaml(text, schema);
}

/** As `readYamlFile`, from text. */
export function parseYaml<Value>(text: string, schema: z.ZodType<Value>): YamlFile<Value> {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const syntax = document.errors[0];
  if (syntax !== undefined) {
    return { kind: 'invalid', problem: `line ${lines.linePos(syntax.pos[0]).line}: ${syntax.message}` };
  }
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: 100 });
  } catch (cause) {
    return { kind: 'invalid', problem: cause instanceof Error ? cause.message : String(cause) };
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return { kind: 'read', value: parsed.data, text };
  const problems = parsed.error.issues
    .slice(0, problemsMax)
    .map((issue) => problemOf(issue, document, lines, value));
  const more = parsed.error.issues.length - problems.length;
  return { kind: 'invalid', problem: problems.join('; ') + (more > 0 ? `; and ${more} more` : '') };
}

const problemsMax = 5;

function problemOf(
  issue: z.core.$ZodIssue,
  document: Document.Parsed,
  lines: LineCounter,
  root: unknown,
): string {
  const field = issue.path.reduce<string>(
    (name, part) =>
      typeof part === 'number' ? `${name}[${part}]` : name === '' ? String(part) : `${name}.${String(part)}`,
    '',
  );
  // A key that is not known has a line of its own; its path is that of the object around it.
  const key = issue.code === 'unrecognized_keys' ? issue.keys.slice(0, 1) : [];
  const line = lineOf([...issue.path, ...key], document, lines);
  const found = valueAt(root, issue.path);
  const got = found === undefined || typeof found === 'object' ? '' : `, got ${JSON.stringify(found)}`;
  return `${line === undefined ? '' : `line ${line}, `}${field === '' ? 'the file' : field}: ${lowerFirst(issue.message)}${got}`;
}

/** The line of the field (of its key, where it has one), or of the nearest thing around it that is written down. */
function lineOf(
  path: readonly PropertyKey[],
  document: Document.Parsed,
  lines: LineCounter,
): number | undefined {
  for (let length = path.length; length > 0; length -= 1) {
    const around = length === 1 ? document.contents : document.getIn(path.slice(0, length - 1), true);
    const name = path[length - 1];
    const pair = isMap(around)
      ? around.items.find(({ key }) => isScalar(key) && String(key.value) === name)
      : undefined;
    const node = pair?.key ?? document.getIn(path.slice(0, length), true);
    const range = isNode(node) ? node.range : undefined;
    if (range !== undefined && range !== null) return lines.linePos(range[0]).line;
  }
  return undefined;
}

function valueAt(root: unknown, path: readonly PropertyKey[]): unknown {
  let value = root;
  for (const part of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined;
    value = Reflect.get(value, part);
  }
  return value;
}

function lowerFirst(message: string): string {
  return message.charAt(0).toLowerCase() + message.slice(1);
}
