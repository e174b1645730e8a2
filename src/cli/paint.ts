import picocolors from 'picocolors';

/** Meanings, not colours: what is written stays readable without any. */
export interface Paint {
  readonly good: (text: string) => string;
  readonly bad: (text: string) => string;
  readonly warn: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly bold: (text: string) => string;
}

/** Colours on a terminal only (and never under NO_COLOR); plain text in pipes and files. */
export function paint(stream: { readonly isTTY?: boolean }): Paint {
  const colours = picocolors.createColors(picocolors.isColorSupported && stream.isTTY === true);
  return {
    good: colours.green,
    bad: colours.red,
    warn: colours.yellow,
    dim: colours.dim,
    bold: colours.bold,
  };
}
