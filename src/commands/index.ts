// SPDX-License-Identifier: Apache-2.0
// All commands, in the order in which help lists them. To add one, add a file to this folder and a line here.
import type { Command } from './command.js';
import { completion } from './completion.js';
import { excerpt } from './excerpt.js';
import { extract } from './extract.js';
import { help } from './help.js';
import { hva } from './hva.js';
import { layout } from './layout.js';
import { log } from './log.js';
import { map } from './map.js';
import { merge } from './merge.js';
import { npt } from './npt.js';
import { owner } from './owner.js';
import { page } from './page.js';
import { phys } from './phys.js';
import { read } from './read.js';
import { scan } from './scan.js';
import { search } from './search.js';
import { slots } from './slots.js';
import { vcpus } from './vcpus.js';
import { vms } from './vms.js';
import { vtop } from './vtop.js';

export const commands: readonly Command[] = [
  vtop,
  vms,
  slots,
  vcpus,
  map,
  hva,
  page,
  read,
  search,
  extract,
  npt,
  log,
  owner,
  scan,
  merge,
  phys,
  layout,
  excerpt,
  completion,
  help,
];
