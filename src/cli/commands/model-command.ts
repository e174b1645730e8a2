import type { Command } from 'commander';
import {
  decideRetire,
  decideRollback,
  resolveModelReference,
  servingVersion,
} from '../../services/inference/registry.js';
import type { RegistryState } from '../../services/inference/registry.js';
import type { NewEvent } from '../../schemas/events.js';
import { systemClock } from '../../services/platform/clock.js';
import { errors } from '../../services/platform/errors.js';
import { newId } from '../../services/platform/new-id.js';
import { configOf } from '../global-options.js';
import { isoTime } from '../iso-time.js';
import { print } from '../print.js';
import { textTable } from '../text-table.js';
import { withAppender, withWorkspace } from '../workspace.js';
import type { DataLocation } from '../workspace.js';

/** `hindcast model …`: the registry. What changes it is an event in the log, also while a server runs, which follows. */
export function modelCommand(program: Command): void {
  const model = program.command('model').description('register, promote and inspect models');

  model
    .command('add')
    .argument('<bundle>', 'folder with model.onnx, model.yaml and reference.parquet')
    .option('--ranges-from <file.parquet>', 'data set to derive ranges, categories and missing rates from')
    .option('--promote', 'let it serve at once')
    .option('--without-evidence', 'with --promote: also when another version serves')
    .description('register a version: signature from the ONNX file, ranges and profile from data')
    .action(async (bundle: string, options: AddFlags, command: Command) => {
      const { addModel } = await import('../add-model.js');
      await withAppender(configOf(command), async ({ appender, registry, artefacts }) => {
        const added = await addModel({
          bundle,
          rangesFrom: options.rangesFrom,
          registry,
          artefacts,
          appender,
          clock: systemClock,
        });
        const reference = `${added.model}@${added.version}`;
        print(
          added.added
            ? `registered ${reference}: ${added.features} features${added.profileRows === undefined ? ', no reference profile' : `, reference profile of ${added.profileRows} rows`}`
            : `${reference} is registered already, with the same content`,
        );
      });
      if (options.promote === true)
        await promoteNewest(configOf(command), bundle, options.withoutEvidence === true);
      else print('it does not serve yet: judge it with `replay`, then `hindcast model promote <version>`');
    });

  model
    .command('list')
    .description('all versions, and which one serves')
    .option('--json', 'as JSON')
    .action(async (options: { json?: boolean }, command: Command) => {
      const registry = await withWorkspace(configOf(command), (workspace) => workspace.registry());
      const versions = listVersions(registry);
      if (options.json === true) print(JSON.stringify(versions, undefined, 2));
      else if (versions.length === 0) print('no model is registered: `hindcast model add <bundle>`');
      else {
        print(
          textTable(
            ['model', 'version', 'state', 'task', 'features', 'registered'],
            versions.map((version) => [
              version.model,
              version.version,
              version.state,
              version.task,
              String(version.features),
              version.registeredAt,
            ]),
          ),
        );
      }
    });

  model
    .command('show')
    .argument('<version>', '[name@]version')
    .description('one version: features, ranges, outputs, digests')
    .option('--json', 'as JSON')
    .action(async (reference: string, options: { json?: boolean }, command: Command) => {
      const registry = await withWorkspace(configOf(command), (workspace) => workspace.registry());
      const { model: name, version, registered } = resolveModelReference(registry, reference);
      if (options.json === true) {
        print(JSON.stringify(registered, undefined, 2));
        return;
      }
      const { manifest, artefacts } = registered;
      print(
        `${name}@${version}  ${manifest.task}${servingVersion(registry, name) === version ? '  serving' : ''}`,
      );
      if (manifest.description !== undefined) print(manifest.description);
      print(
        `registered ${isoTime(registered.registeredAt)}   model sha256 ${artefacts.model.sha256} (${artefacts.model.bytes} bytes)`,
      );
      if (manifest.trainedOn !== undefined)
        print(`trained on ${manifest.trainedOn.from} … ${manifest.trainedOn.until}`);
      print('');
      print(
        textTable(
          ['feature', 'type', 'required', 'missing', 'range or categories', 'missing in training'],
          manifest.features.map((feature) => [
            feature.name,
            feature.tensorType,
            feature.required ? 'yes' : 'no',
            feature.missing === undefined ? '-' : JSON.stringify(feature.missing),
            feature.range === undefined
              ? categories(feature.categories)
              : `${feature.range.min} … ${feature.range.max}`,
            feature.missingRate === undefined ? '-' : `${(feature.missingRate * 100).toFixed(2)} %`,
          ]),
        ),
      );
      print('');
      const outputs = Object.entries(manifest.outputs).flatMap(([role, output]) =>
        output === undefined
          ? []
          : [`${role} = ${output.output}${output.class === undefined ? '' : `[${output.class}]`}`],
      );
      print(`outputs  ${outputs.join('   ')}`);
    });

  model
    .command('promote')
    .argument('<version>', '[name@]version')
    .option('--without-evidence', 'although no replay of it passed; the event says so')
    .description('let a version serve that a replay passed; a running server follows at once')
    .action((reference: string, options: { withoutEvidence?: boolean }, command: Command) =>
      promote(configOf(command), reference, options.withoutEvidence === true),
    );

  model
    .command('retire')
    .argument('<version>', '[name@]version')
    .description('a version that should not serve again; its predictions stay')
    .action((reference: string, _options: object, command: Command) =>
      change(configOf(command), reference, (registry, name, version, meta) =>
        decideRetire(registry, { ...meta, model: name, version }),
      ),
    );

  model
    .command('rollback')
    .argument('[model]', 'name; may be left out when there is one model')
    .description('let the version promoted before the current one serve again')
    .action(async (name: string | undefined, _options: object, command: Command) => {
      await withAppender(configOf(command), async ({ appender, registry }) => {
        const known = Object.keys(registry.models);
        const chosen = name ?? (known.length === 1 ? known[0] : undefined);
        if (chosen === undefined) throw errors.MODEL_NAME_NEEDED({ known });
        const before = servingVersion(registry, chosen);
        const events = decideRollback(registry, {
          id: newId(),
          occurredAt: systemClock.nowMicros(),
          model: chosen,
        });
        await appender.append(events);
        const promoted = events.find((event) => event.type === 'ModelPromoted');
        print(
          `${chosen} serves ${promoted?.type === 'ModelPromoted' ? promoted.data.version : '?'} again (was ${before ?? 'none'})`,
        );
      });
    });
}

type Decide = (
  registry: RegistryState,
  model: string,
  version: string,
  meta: { readonly id: string; readonly occurredAt: number },
) => readonly NewEvent[];

async function change(location: DataLocation, reference: string, decide: Decide): Promise<void> {
  await withAppender(location, async ({ appender, registry }) => {
    const { model, version } = resolveModelReference(registry, reference);
    const before = servingVersion(registry, model);
    const events = decide(registry, model, version, { id: newId(), occurredAt: systemClock.nowMicros() });
    if (events.length === 0) {
      print(`${model}@${version} is in that state already; nothing was changed`);
      return;
    }
    await appender.append(events);
    const retired = events.some((event) => event.type === 'ModelRetired');
    print(
      retired ? `${model}@${version} is retired` : `${model} serves ${version} (was ${before ?? 'none'})`,
    );
  });
}

async function promote(location: DataLocation, reference: string, withoutEvidence: boolean): Promise<void> {
  const { promoteModel } = await import('../promote-model.js');
  await withAppender(location, async ({ appender }) => {
    for (const line of await promoteModel({ location, reference, withoutEvidence, appender })) print(line);
  });
}

async function promoteNewest(
  location: DataLocation,
  bundle: string,
  withoutEvidence: boolean,
): Promise<void> {
  const registry = await withWorkspace(location, (workspace) => workspace.registry());
  const newest = Object.entries(registry.models)
    .flatMap(([model, { versions }]) =>
      Object.entries(versions).map(([version, registered]) => ({
        model,
        version,
        at: registered.registeredAt,
      })),
    )
    .toSorted((a, b) => b.at - a.at)[0];
  if (newest === undefined) throw errors.BUNDLE_INVALID({ path: bundle, problem: 'it was not registered' });
  await promote(location, `${newest.model}@${newest.version}`, withoutEvidence);
}

interface AddFlags {
  readonly rangesFrom?: string;
  readonly promote?: boolean;
  readonly withoutEvidence?: boolean;
}

interface ListedVersion {
  readonly model: string;
  readonly version: string;
  readonly state: 'serving' | 'registered' | 'retired';
  readonly task: string;
  readonly features: number;
  readonly registeredAt: string;
}

function listVersions(registry: RegistryState): readonly ListedVersion[] {
  return Object.entries(registry.models).flatMap(([model, { versions }]) =>
    Object.entries(versions).map(([version, registered]) => ({
      model,
      version,
      state: registered.retired
        ? ('retired' as const)
        : servingVersion(registry, model) === version
          ? ('serving' as const)
          : ('registered' as const),
      task: registered.manifest.task,
      features: registered.manifest.features.length,
      registeredAt: isoTime(registered.registeredAt),
    })),
  );
}

function categories(values: readonly string[] | undefined): string {
  if (values === undefined) return '-';
  const shown = values.slice(0, 6).join(', ');
  return values.length > 6 ? `${shown}, … (${values.length})` : shown;
}
