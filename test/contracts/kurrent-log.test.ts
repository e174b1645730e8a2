import { randomUUID } from 'node:crypto';
import { openKurrentLog } from '../../src/services/event-log/kurrent-log/kurrent-log.js';
import type { Clock } from '../../src/services/platform/clock.js';
import { startKurrentTestServer } from '../support/kurrent-test-server/kurrent-test-server.js';
import { type MakeLog, describeEventLogContract } from './event-log-contract.js';

/** Of the samples' events, so that a part stays under what the cluster takes at once. */
const appendEventsMax = 500;
const queueEventsMax = 2_000;

/** A log of its own, by a prefix that nobody else has, so that the cluster may hold anything besides. */
async function logIn(connectionString: string, clock: Clock): ReturnType<MakeLog> {
  const streamPrefix = `contract-${randomUUID()}-`;
  const options = {
    connectionString,
    clock,
    streamPrefix,
    registeredModelsOnly: false,
    queueEventsMax,
  };
  return {
    log: await openKurrentLog(options),
    reader: async () => await openKurrentLog(options),
    remove: async () => {},
    appendEventsMax,
    queueEventsMax,
  };
}

describeEventLogContract("KurrentDB's wire protocol (the test server, no KurrentDB)", async (clock) => {
  const server = await startKurrentTestServer();
  const made = await logIn(server.connectionString, clock);
  return { ...made, remove: async () => server.close() };
});

const real = process.env['KURRENTDB_CONNECTION_STRING'];
if (real === undefined || real === '') {
  console.log('contract suite: not run against a real KurrentDB; KURRENTDB_CONNECTION_STRING names one');
} else {
  const host = real.replace(/^.*:\/\/(?:[^@/]*@)?/, '').replace(/[/?].*$/, '');
  describeEventLogContract(`the real KurrentDB at ${host}`, async (clock) => await logIn(real, clock));
}
