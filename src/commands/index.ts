// SPDX-License-Identifier: Apache-2.0
// Every command, in the order in which help lists them. A new one is a file beside this and a line here.
import type { Command } from './command.js';
import { completion } from './completion.js';
import { excerpt } from './excerpt.js';
import { help } from './help.js';
import { layout } from './layout.js';
import { phys } from './phys.js';
import { slots } from './slots.js';
import { vms } from './vms.js';
import { vtop } from './vtop.js';

export const commands: readonly Command[] = [vtop, vms, slots, phys, layout, excerpt, completion, help];

/** The command of a command line that names none. */
export const mainCommand: Command = vtop;
