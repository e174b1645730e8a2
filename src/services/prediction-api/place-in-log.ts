/** How an answer tells where an event is: its position, or that it is kept here until the cluster is back. */
export function placeInLog(position: number | null): {
  readonly position: string | null;
  readonly durability?: 'spooled';
} {
  return position === null ? { position: null, durability: 'spooled' } : { position: String(position) };
}
