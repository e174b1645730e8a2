declare global {
  interface String {
    /** In every Node that this package runs on; not in the library that it is compiled against (ES2023). */
    isWellFormed(): boolean;
  }
}

/** Whether the text is well-formed Unicode: a lone surrogate cannot be written as UTF-8, so it would change in the log. */
export function isWellFormed(text: string): boolean {
  return text.isWellFormed();
}

/** The text in quotes for a message: bounded, and well-formed whatever it holds. */
export function shown(text: string): string {
  const characters = Array.from(text.slice(0, 82)).slice(0, 80);
  const cut = characters.join('').length < text.length;
  return JSON.stringify(characters.join('')) + (cut ? '…' : '');
}
