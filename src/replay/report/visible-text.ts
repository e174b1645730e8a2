/**
 * Text from outside, fit for a terminal, a page or XML: control and format characters (which could move a cursor, turn the
 * writing direction or end a line), halves of surrogate pairs and code points that XML forbids become �.
 */
export function visibleText(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\uFFFE\uFFFF]/gu, '�');
}

/** At most `charactersMax` characters, the last one … where something was cut off. */
export function shortText(text: string, charactersMax: number): string {
  return visibleText(text.length <= charactersMax ? text : `${text.slice(0, charactersMax - 1)}…`);
}
