#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// The file that is started: runs the program, which is a file of its own so that its compiled code can be kept.
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { cachesAreOff, turnCachesOff } from '../io/own-files.js';
import { CodeCache } from './code-cache.js';
import type * as main from './main.js';

/** Digest of the program's file; set by the build. */
declare const KVM_VTOP_PROGRAM: string;

// Known before the command line is read. As the value of another option it would only take time.
if (process.argv.includes('--no-cache')) turnCachesOff();
const file = join(__dirname, 'program.js');
const code = cachesAreOff() ? null : CodeCache.of(file, KVM_VTOP_PROGRAM);
const load = createRequire(__filename);
const program = (code?.run(load, file, __dirname) ?? load('./program.js')) as typeof main;
void program.main(code);
