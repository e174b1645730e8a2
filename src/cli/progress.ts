import { Presets, SingleBar } from 'cli-progress';

/** Progress of long work on standard error: a bar with rate and time left on a terminal, a line now and then elsewhere. */
export interface Progress {
  readonly update: (done: number, total: number) => void;
  readonly stop: () => void;
}

/** So that bar, counts, rate and time left fit 80 columns. */
const whatCharactersMax = 18;

export function startProgress(options: {
  readonly what: string;
  readonly unit: string;
  readonly quiet: boolean;
}): Progress {
  if (options.quiet) return { update: () => undefined, stop: () => undefined };
  return process.stderr.isTTY ? terminalBar(options) : quarterLines(options);
}

function terminalBar({ what, unit }: { readonly what: string; readonly unit: string }): Progress {
  const name = what.length > whatCharactersMax ? `${what.slice(0, whatCharactersMax - 1)}…` : what;
  const bar = new SingleBar(
    {
      format: `${name} {bar} {percentage}%  {value}/{total}  {rate} ${unit}/s  {eta_formatted} left`,
      hideCursor: true,
      barsize: 10,
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
        `${what} ${reached * 25}%  ${done}/${total} ${unit}  ${perSecond(done, started)} ${unit}/s${timeLeft({ done, total, started })}\n`,
      );
    },
    stop: () => undefined,
  };
}

function perSecond(done: number, started: number): string {
  const seconds = (performance.now() - started) / 1000;
  return seconds <= 0 ? '-' : Math.round(done / seconds).toLocaleString('en-US');
}

function timeLeft(at: { readonly done: number; readonly total: number; readonly started: number }): string {
  if (at.done === 0 || at.done >= at.total) return '';
  const seconds = (((performance.now() - at.started) / 1000) * (at.total - at.done)) / at.done;
  return `  about ${Math.ceil(seconds)} s left`;
}
