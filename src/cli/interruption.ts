const controller = new AbortController();
let stopped: 'SIGINT' | 'SIGTERM' | undefined;
let listening = false;

/**
 * One signal for the whole process. The first Ctrl-C (or SIGTERM) aborts it, so that work stops cleanly; a second
 * Ctrl-C ends the process at once with 130. `aborted` only for an interrupt by SIGINT.
 */
export function interruption(): { readonly aborted: boolean; readonly signal: AbortSignal } {
  return { aborted: stopped === 'SIGINT', signal: controller.signal };
}

/** From now on Ctrl-C asks instead of ending the process. */
export function listenForInterruption(): AbortSignal {
  if (!listening) {
    listening = true;
    const stop = (name: 'SIGINT' | 'SIGTERM'): void => {
      if (stopped !== undefined) process.exit(130);
      stopped = name;
      controller.abort();
    };
    process.on('SIGINT', () => stop('SIGINT'));
    process.on('SIGTERM', () => stop('SIGTERM'));
  }
  return controller.signal;
}
