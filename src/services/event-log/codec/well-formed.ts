import { errors } from '../../platform/errors.js';

/** Throws LOG_EVENT_INVALID when `text` holds a lone surrogate: UTF-8 has no form for it, so it would change silently. */
export function assertWellFormed(text: string): void {
  if (!text.isWellFormed()) {
    throw errors.LOG_EVENT_INVALID({
      problem: `the text ${JSON.stringify(text.slice(0, 60))} holds a lone surrogate; expected well-formed Unicode`,
    });
  }
}
