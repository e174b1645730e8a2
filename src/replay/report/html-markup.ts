/** A piece of HTML that is safe to put into a page; only `html` makes one. */
export interface Markup {
  readonly markup: string;
}

export type MarkupValue = string | number | null | undefined | Markup | readonly Markup[];

/** `html\`<p>${text}</p>\``: every value is escaped, in text and in quoted attributes, unless it is markup itself. */
export function html(strings: TemplateStringsArray, ...values: readonly MarkupValue[]): Markup {
  const parts = strings.map((text, index) => text + (index < values.length ? rendered(values[index]) : ''));
  return { markup: parts.join('') };
}

function rendered(value: MarkupValue): string {
  if (value === null || value === undefined) return '';
  if (typeof value === 'string' || typeof value === 'number') return escaped(String(value));
  return 'markup' in value ? value.markup : value.map((part) => part.markup).join('');
}

const entities: { readonly [character: string]: string } = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escaped(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => entities[character] ?? character);
}
