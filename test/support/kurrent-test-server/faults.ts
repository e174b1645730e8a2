/** What a test server is to do wrong; a test changes it while the server runs. */
export interface Faults {
  /** Every call is answered UNAVAILABLE. */
  unavailable: boolean;
  /** Every call is answered "access denied". */
  denied: boolean;
  /** So many of the next appends are stored, and the connection breaks before the answer. */
  appendsStoredUnanswered: number;
  /** So many of the next appends are answered UNAVAILABLE and not stored. */
  appendsRefused: number;
  /** So many of the next appends get no answer at all; they are stored. */
  appendsNeverAnswered: number;
  /** So many of the next appends are stored twice. */
  appendsStoredTwice: number;
  /** Appends are answered only when it resolves. */
  appendsHeld: Promise<void> | undefined;
  /** Appends are answered "not leader", with this node as the leader. */
  leader: { readonly host: string; readonly port: number } | undefined;
  /** Every event is sent twice in a row. */
  eventsSentTwice: boolean;
  /** So many reads and subscriptions break when they have sent so many events, those under way included. */
  readsBroken: { count: number; readonly afterEvents: number };
  /** Reads are begun and never go on. */
  readsStalled: boolean;
  /** Subscriptions send a checkpoint at the end of the log before the events that lead to it. */
  checkpointsAhead: boolean;
}

export function noFaults(): Faults {
  return {
    unavailable: false,
    denied: false,
    appendsStoredUnanswered: 0,
    appendsRefused: 0,
    appendsNeverAnswered: 0,
    appendsStoredTwice: 0,
    appendsHeld: undefined,
    leader: undefined,
    eventsSentTwice: false,
    readsBroken: { count: 0, afterEvents: 0 },
    readsStalled: false,
    checkpointsAhead: false,
  };
}
