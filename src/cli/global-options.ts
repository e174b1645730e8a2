import { Option } from 'commander';
import type { Command } from 'commander';
import { z } from 'zod';
import { loadConfig } from '../services/platform/config.js';
import type { Config, LoadedConfig } from '../services/platform/config.js';

/** Options that every command takes. */
export function addGlobalOptions(command: Command): Command {
  return command
    .addOption(new Option('--data <dir>', 'data folder (default: ./hindcast-data)'))
    .addOption(new Option('--log <url>', 'kurrentdb://host:port (default: the log in the data folder)'))
    .addOption(
      new Option('--config <file>', 'configuration file (default: ./hindcast.yaml when there is one)'),
    );
}

const Globals = z.object({
  data: z.string().optional(),
  log: z.string().optional(),
  config: z.string().optional(),
  host: z.string().optional(),
  port: z.number().optional(),
  projector: z.boolean().optional(),
});

/** The configuration in force for a command: its own flags and its parents'. */
export function loadedConfigOf(command: Command): LoadedConfig {
  const { projector, ...flags } = Globals.parse(command.optsWithGlobals());
  // `--no-projector` is a flag; that it was not given is not.
  return loadConfig({ ...flags, projector: projector === false ? false : undefined });
}

export function configOf(command: Command): Config {
  return loadedConfigOf(command).config;
}
