import type { AppendReceipt } from './event-log.js';

/**
 * The position that is told of an append's event: its own, where the log says so; else one at which, or before which, it
 * stands, so that who reads that far sees it; null for one that waits in the spool.
 */
export function receiptPosition(receipt: AppendReceipt, index: number): number | null {
  if (receipt.placed === 'spooled') return null;
  return receipt.placed === 'at-or-before' ? receipt.firstPosition : receipt.firstPosition + index;
}
