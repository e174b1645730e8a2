import type { FastifyInstance } from 'fastify';
import { errors } from '../platform/errors.js';

/** Where a server listens. Throws PORT_IN_USE. `port` 0 takes a free one. */
export async function listen(
  app: FastifyInstance,
  options: { readonly host: string; readonly port: number },
): Promise<{ readonly url: string; readonly port: number }> {
  const { host, port } = options;
  try {
    const url = await app.listen({ host, port });
    const address = app.server.address();
    return { url, port: typeof address === 'object' && address !== null ? address.port : port };
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE')
      throw errors.PORT_IN_USE({ host, port });
    throw error;
  }
}
