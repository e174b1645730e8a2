import { Presets, SingleBar } from 'cli-progress';

/** Progress of long work on standard error: a bar with rate and time left on a terminal, a line now and then elsewhere. */
export interface Progress {
  readonly update: (done: number, total: number) => void;
  readonly stop: () => void;
}

export function startProgress(options: {
  readonly what: string;
  readonly unit: string;
  readonly quiet: boolean;
}): Progress {
  if (options.quiet) return { update: () => undefined, stop: () => undefined };
  return process.stderr.isTTY ? terminalBar(options) : quarterLines(options);
}

function terminalBar({ what, unit }: { readonly what: string; readonly unit: string }): Progress {
  const bar = new SingleBar(
    {
      format: `${what} {bar} {percentage}%  {value}/{total} ${unit}  {rate} ${unit}/s  {eta_formatted} left`,
      hideCursor: true,
      barsize: 24,
      clearOnComplete: true,
      stream: process.stderr,
    },
    Presets.shades_classic,
  );
  const started = performance.now();
  let running = false;
  return {
    update: (done, total) => {
      if (!running) {
        running = true;
        bar.start(total, 0, { rate: '-' });
      }
      bar.setTotal(total);
      bar.update(done, { rate: perSecond(done, started) });
    },
    stop: () => {
      if (running) bar.stop();
      running = false;
    },
  };
}

/** In a pipe or a CI log: a line at every quarter. */
function quarterLines({ what, unit }: { readonly what: string; readonly unit: string }): Progress {
  const started = performance.now();
  let quarter = 0;
  return {
    update: (done, total) => {
      const reached = total === 0 ? 4 : Math.floor((done / total) * 4);
      if (reached <= quarter) return;
      quarter = reached;
      process.stderr.write(
        `${what} ${reached * 25}%  ${done}/${total} ${unit}  ${perSecond(done, started)} ${unit}/s\n`,
      );
    },
    stop: () => undefined,
  };
}

function perSecond(done: number, started: number): string {
  const seconds = (performance.now() - started) / 1000;
  return seconds <= 0 ? '-' : Math.round(done / seconds).toLocaleString('en-US');
}
