/** Columns of a report on a terminal. */
const width = 80;

/** Breaks at spaces; a word longer than a line is broken where the line ends, so nothing is lost. */
export function wrap(text: string, indent: number): readonly string[] {
  const room = width - indent;
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    let rest = word;
    if (line !== '' && line.length + 1 + rest.length > room) {
      lines.push(line);
      line = '';
    }
    while (rest.length > room) {
      lines.push(rest.slice(0, room));
      rest = rest.slice(room);
    }
    line = line === '' ? rest : `${line} ${rest}`;
  }
  lines.push(line);
  return lines.map((each) => ' '.repeat(indent) + each);
}

export function cut(line: string): string {
  return line.length <= width ? line : `${line.slice(0, width - 1)}…`;
}

/** `label` at the left of wrapped text, which begins `indent` columns from the left. */
export function labelled(label: string, text: string, indent = 8): readonly string[] {
  return wrap(text, indent).map((line, index) =>
    index === 0 ? `${label.padEnd(indent)}${line.slice(indent)}` : line,
  );
}
