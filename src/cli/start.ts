#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// The file that is started: runs the program, which has files of its own so that their compiled code can be kept.
import { createRequire } from 'node:module';
import { cachesAreOff, turnCachesOff } from '../io/own-files.js';
import { Compiled } from './compiled.js';
import type * as main from './main.js';

/** Digests of the files of the program by their paths, as JSON; set by the build. */
declare const KVM_VTOP_PROGRAM: string;

// Known before the command line is read. As the value of another option it would only take time.
if (process.argv.includes('--no-cache')) turnCachesOff();
const compiled = cachesAreOff() ? null : Compiled.of(__dirname, JSON.parse(KVM_VTOP_PROGRAM) as Record<string, string>);
const program = (compiled?.load('program.js') ?? createRequire(__filename)('./program.js')) as typeof main;
void program.main(compiled);
