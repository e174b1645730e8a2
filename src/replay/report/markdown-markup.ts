import { visibleText } from './visible-text.js';

/**
 * Text as a reader of Markdown sees it, whatever is in it: nothing becomes markup, a link, a mention or a reference to an
 * issue (after a leading @, # or ! stands a space of no width). One line; fit for a table's cell.
 */
export function prose(text: string): string {
  return visibleText(text)
    .replaceAll(/[\\`*_[\]<>#~&$!]/g, String.raw`\$&`)
    .replaceAll(/(?<!\w)(@|\\[#!])(?=\w)/g, '$1&#8203;')
    .replaceAll('://', String.raw`\://`)
    .replaceAll(/www\./gi, (start) => start.replace('.', String.raw`\.`))
    .replace(/^\s+/, '')
    .replace(/^[-+=:]/, String.raw`\$&`)
    .replace(/^(\d+)([.)])/, String.raw`$1\$2`);
}

/** A name, a number or an id in fixed width; as prose where a pipe would have to stand in it, which tables read in two ways. */
export function code(text: string): string {
  const shown = visibleText(text);
  if (shown.trim() === '' || shown.includes('|')) return prose(shown);
  const longest = Math.max(0, ...(shown.match(/`+/g) ?? []).map((ticks) => ticks.length));
  const fence = '`'.repeat(longest + 1);
  const pad = shown.startsWith('`') || shown.endsWith('`') ? ' ' : '';
  return `${fence}${pad}${shown}${pad}${fence}`;
}

/** Lines that are shown as they are; control characters apart, but for the line's end. */
export function codeBlock(text: string): string {
  const shown = text.split('\n').map(visibleText).join('\n');
  const longest = Math.max(2, ...(shown.match(/`+/g) ?? []).map((ticks) => ticks.length));
  const fence = '`'.repeat(longest + 1);
  return `${fence}text\n${shown}\n${fence}`;
}

/** A table of cells that are Markdown already (`prose`, `code`); after the first `textColumns` all stand to the right. */
export function markdownTable(options: {
  readonly titles: readonly string[];
  readonly textColumns: number;
  readonly rows: readonly (readonly string[])[];
}): string {
  const { titles, textColumns, rows } = options;
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', String.raw`\|`)).join(' | ')} |`;
  return [
    line(titles),
    line(titles.map((_, column) => (column < textColumns ? '---' : '---:'))),
    ...rows.map(line),
  ].join('\n');
}
