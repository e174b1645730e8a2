import type { Column } from '../../schemas/columns.js';

/** The buffers under columns, each once, for a transfer: afterwards the sender has the columns no more. */
export function transferList(
  columns: readonly { readonly [name: string]: unknown }[] | readonly Column[],
): ArrayBuffer[] {
  const buffers = new Set<ArrayBuffer>();
  for (const column of columns) {
    for (const part of Object.values(column)) {
      if (ArrayBuffer.isView(part) && part.buffer instanceof ArrayBuffer) buffers.add(part.buffer);
    }
  }
  return [...buffers];
}

/**
 * A typed array that owns its whole buffer. A view of a part would take the whole buffer along: into the message, or
 * away from whoever else uses it.
 */
export function ownBuffer<
  Values extends { readonly buffer: ArrayBufferLike; readonly byteLength: number; slice(): Values },
>(values: Values): Values {
  return values.byteLength === values.buffer.byteLength ? values : values.slice();
}
