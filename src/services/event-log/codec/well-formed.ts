import { errors } from '../../platform/errors.js';

// In unicode mode a surrogate matches only when it stands alone; on one-byte strings V8 answers without scanning.
const loneSurrogate = /\p{Surrogate}/u;

/** Throws LOG_EVENT_INVALID when `text` holds a lone surrogate: UTF-8 has no form for it, so it would change silently. */
export function assertWellFormed(text: string): void {
  if (loneSurrogate.test(text)) {
    throw errors.LOG_EVENT_INVALID({
      problem: `the text ${JSON.stringify(text.slice(0, 60))} holds a lone surrogate; expected well-formed Unicode`,
    });
  }
}
