/** An identifier as SQL text, whatever it holds. */
export function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A string literal as SQL text. */
export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** `read_parquet` over these files, in this order. `filename`: adds the column of that name. */
export function parquetFiles(paths: readonly string[], options?: { readonly filename: boolean }): string {
  const list = paths.map(literal).join(', ');
  return `read_parquet([${list}]${options?.filename === true ? ', filename = true' : ''})`;
}
