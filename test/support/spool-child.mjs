// Takes events into a spooling log until it is killed: node spool-child.mjs <connection string> <folder> <first> <count>.
// Prints the id of every event that was acknowledged, and "shipped" when nothing waits any more.

/** From the built code; by a path of its own, so that no checker follows it into the packages' types. */
const built = (path) => import(new URL(`../../dist/services/${path}.js`, import.meta.url).href);
const { openKurrentLog } = await built('event-log/kurrent-log/kurrent-log');
const { openSpoolingLog } = await built('event-log/kurrent-log/spool/spooling-log');
const { systemClock } = await built('platform/clock');

const [connectionString, directory, firstText, countText] = process.argv.slice(2);
const first = Number(firstText);
const count = Number(countText);

const log = await openSpoolingLog({
  log: await openKurrentLog({ connectionString, clock: systemClock, registeredModelsOnly: false }),
  directory,
  clock: systemClock,
  onError: () => {},
});
for (let index = first; index < first + count; index += 5) {
  const events = Array.from({ length: 5 }, (_, at) => ({
    type: 'OutcomeObserved',
    schemaVersion: 1,
    id: `00000000-0000-7000-8000-${String(index + at).padStart(12, '0')}`,
    stream: 'outcome-flights',
    occurredAt: 1_767_225_600_000_000,
    data: { model: 'flights', key: String(index + at), truth: 1, observedAt: 0, origin: 'live' },
  }));
  await log.append(events);
  process.stdout.write(events.map((event) => `${event.id}\n`).join(''));
}
while (log.waitingEvents > 0) await new Promise((resolve) => setImmediate(resolve));
process.stdout.write('shipped\n');
await log.close();
