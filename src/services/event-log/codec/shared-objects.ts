import type { NameTable } from './name-table.js';
import { encodeNode } from './node.js';
import type { Packed } from './packed.js';

/** No JSON text, so it is nobody's content. */
const notContent = '';

/** Each different value once, told apart by identity first and then by content, and for each row which one it has. */
export function shareObjects(
  values: readonly unknown[],
  table: NameTable,
): { readonly nodes: readonly Packed[]; readonly codes: readonly number[] } {
  const codeOfObject = new Map<unknown, number>();
  const codeOfContent = new Map<string, number>();
  const nodes: Packed[] = [];
  const codes: number[] = [];
  let last: unknown;
  let code = -1;
  for (const value of values) {
    if (value !== last || code < 0) {
      code = codeOfObject.get(value) ?? addNode(encodeNode(value, table), nodes, codeOfContent);
      codeOfObject.set(value, code);
      last = value;
    }
    codes.push(code);
  }
  return { nodes, codes };
}

/** The code of a node, added unless its content is there. Most frames have one, whose content is never worked out. */
function addNode(node: Packed, nodes: Packed[], codeOfContent: Map<string, number>): number {
  const [first] = nodes;
  if (first === undefined) return nodes.push(node) - 1;
  if (nodes.length === 1) codeOfContent.set(contentOf(first) ?? notContent, 0);
  const content = contentOf(node);
  const found = content === undefined ? undefined : codeOfContent.get(content);
  if (found !== undefined) return found;
  nodes.push(node);
  if (content !== undefined) codeOfContent.set(content, nodes.length - 1);
  return nodes.length - 1;
}

/** A text that only equal nodes have; undefined when JSON would make different ones the same (NaN, bytes). */
function contentOf(node: Packed): string | undefined {
  let exact = true;
  const content = JSON.stringify(node, (_key, value: unknown) => {
    if ((typeof value === 'number' && !Number.isFinite(value)) || value instanceof Uint8Array) exact = false;
    return value;
  });
  return exact ? content : undefined;
}
