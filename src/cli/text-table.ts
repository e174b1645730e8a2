/** Columns aligned by width: numbers to the right, text to the left. Cells beyond `cellWidthMax` are cut with …. */
export function textTable(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  cellWidthMax = 60,
): string {
  const cut = (cell: string): string =>
    cell.length > cellWidthMax ? `${cell.slice(0, cellWidthMax - 1)}…` : cell;
  const cells = [header, ...rows].map((row) => row.map((cell) => cut(cell.replaceAll('\n', ' '))));
  const widths = header.map((_, column) => Math.max(...cells.map((row) => (row[column] ?? '').length)));
  const numeric = header.map(
    (_, column) =>
      rows.length > 0 && rows.every((row) => /^(-?[\d.,]+(e[+-]?\d+)?|NULL|)$/i.test(row[column] ?? '')),
  );
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) =>
        numeric[column] === true ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd();
  const [head, ...body] = cells;
  return [line(head ?? []), widths.map((width) => '─'.repeat(width)).join('  '), ...body.map(line)].join(
    '\n',
  );
}
