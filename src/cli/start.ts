#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// The file that is started: runs the program, which has files of its own so that their compiled code can be kept.
import { cachesAreOff, turnCachesOff } from '../io/own-files.js';
import type { Require } from './code-cache.js';
import { Compiled } from './compiled.js';
import type * as main from './main.js';

/** The `require` of this file, which is a CommonJS module. */
declare const require: Require;

/** Digests of the files of the program by their paths, as JSON; set by the build. */
declare const KVM_VTOP_PROGRAM: string;

// Known before the command line is read. As the value of another option it would only take time.
if (process.argv.includes('--no-cache')) turnCachesOff();
// Under another name, esbuild leaves the program where it is.
const load = require;
const compiled = cachesAreOff()
  ? null
  : Compiled.of(__dirname, JSON.parse(KVM_VTOP_PROGRAM) as Record<string, string>, load);
const program = (compiled?.load('program.js') ?? load('./program.js')) as typeof main;
void program.main(compiled);
