import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';

const chunkBytes = 1024 * 1024;

/**
 * Copies the first `bytesMax` bytes of a file (all of it when it has fewer); durable when it resolves. Rejects with
 * Node's error, ENOENT among them.
 */
export async function copyFile(
  from: string,
  to: string,
  options: { readonly bytesMax?: number; readonly onBytes?: (bytes: number) => void } = {},
): Promise<{ readonly bytes: number; readonly sha256: string }> {
  const { bytesMax = Infinity, onBytes } = options;
  const source = await open(from, 'r');
  try {
    const target = await open(to, 'wx', 0o600);
    try {
      const hash = createHash('sha256');
      const chunk = Buffer.allocUnsafe(chunkBytes);
      let bytes = 0;
      while (bytes < bytesMax) {
        const { bytesRead } = await source.read(chunk, 0, Math.min(chunkBytes, bytesMax - bytes), bytes);
        if (bytesRead === 0) break;
        const part = chunk.subarray(0, bytesRead);
        hash.update(part);
        await target.appendFile(part);
        bytes += bytesRead;
        onBytes?.(bytesRead);
      }
      await target.sync();
      return { bytes, sha256: hash.digest('hex') };
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
}

/** Size and SHA-256 of a file. Rejects with Node's error. */
export async function digestOf(path: string): Promise<{ readonly bytes: number; readonly sha256: string }> {
  const source = await open(path, 'r');
  try {
    const hash = createHash('sha256');
    const chunk = Buffer.allocUnsafe(chunkBytes);
    let bytes = 0;
    for (;;) {
      const { bytesRead } = await source.read(chunk, 0, chunkBytes, bytes);
      if (bytesRead === 0) return { bytes, sha256: hash.digest('hex') };
      hash.update(chunk.subarray(0, bytesRead));
      bytes += bytesRead;
    }
  } finally {
    await source.close();
  }
}
