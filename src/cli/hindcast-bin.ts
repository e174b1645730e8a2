#!/usr/bin/env node
import { hindcastProgram } from './hindcast-program.js';
import { runCli } from './run-cli.js';

await runCli(hindcastProgram(), process.argv);
