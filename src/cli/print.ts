/** A line on standard output: what the command was asked for. Everything else goes to standard error. */
export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** A line on standard error: what the user should know beside the result. */
export function note(line: string): void {
  process.stderr.write(`${line}\n`);
}
