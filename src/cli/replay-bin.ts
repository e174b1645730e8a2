#!/usr/bin/env node
import { replayProgram } from './replay-program.js';
import { runCli } from './run-cli.js';

await runCli(replayProgram(), process.argv);
