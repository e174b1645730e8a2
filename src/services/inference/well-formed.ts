/** Matches a surrogate that has no partner: with the `u` flag, pairs count as the one character that they are. */
const loneSurrogate = /\p{Surrogate}/u;

/** Whether the text is well-formed Unicode: a lone surrogate cannot be written as UTF-8, so it would change in the log. */
export function isWellFormed(text: string): boolean {
  return !loneSurrogate.test(text);
}

/** The text in quotes for a message: bounded, and well-formed whatever it holds. */
export function shown(text: string): string {
  const characters = Array.from(text.slice(0, 82)).slice(0, 80);
  const cut = characters.join('').length < text.length;
  return JSON.stringify(characters.join('')) + (cut ? '…' : '');
}
