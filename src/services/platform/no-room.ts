import { HindcastError } from './errors.js';

/** Whether a write was refused for want of room, or by a quota: as the system says it, or as DISK_FULL. */
export function hasNoRoom(error: unknown): boolean {
  if (error instanceof HindcastError) return error.code === 'DISK_FULL';
  return error instanceof Error && 'code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT');
}
