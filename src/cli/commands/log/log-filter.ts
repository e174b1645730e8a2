import { InvalidArgumentError, Option } from 'commander';
import type { Command } from 'commander';
import { type EventType, eventTypes } from '../../../schemas/events.js';
import type { ReadQuery } from '../../../services/event-log/event-log.js';
import { HindcastError, errors } from '../../../services/platform/errors.js';
import type { Workspace } from '../../workspace.js';

export interface LogFilterOptions {
  readonly types?: readonly EventType[];
  readonly model?: string;
}

/** `--types` and `--model`, which every command that prints events takes. */
export function addLogFilter(command: Command): Command {
  return command
    .addOption(
      new Option('--types <types>', `only these, separated by commas: ${eventTypes.join(', ')}`).argParser(
        parseTypes,
      ),
    )
    .option('--model <name>', 'only events of this model');
}

/** The part of a query that these options are. Throws MODEL_NOT_FOUND for a model that the log does not know. */
export async function logFilter(
  workspace: Workspace,
  { types, model }: LogFilterOptions,
): Promise<Pick<ReadQuery, 'types' | 'model'>> {
  if (model !== undefined) {
    const known = await knownModels(workspace);
    if (known !== undefined && !known.includes(model)) throw errors.MODEL_NOT_FOUND({ model, known });
  }
  return { ...(types === undefined ? {} : { types }), ...(model === undefined ? {} : { model }) };
}

/** Undefined when a damaged log does not tell: what can be read of it is printed all the same. */
async function knownModels(workspace: Workspace): Promise<readonly string[] | undefined> {
  try {
    return Object.keys((await workspace.registry()).models);
  } catch (error) {
    if (error instanceof HindcastError && ['LOG_CORRUPT', 'DATASET_DAMAGED'].includes(error.code))
      return undefined;
    throw error;
  }
}

function parseTypes(text: string): readonly EventType[] {
  return text.split(',').map((name) => {
    const type = eventTypes.find((known) => known === name.trim());
    if (type === undefined)
      throw new InvalidArgumentError(
        `there is no event type "${name.trim()}"; known: ${eventTypes.join(', ')}`,
      );
    return type;
  });
}
