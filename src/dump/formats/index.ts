// SPDX-License-Identifier: Apache-2.0
import type { DumpFormat } from '../image.js';
import { elfCore } from './elf.js';
import { kdump } from './kdump.js';
import { lime, raw } from './raw.js';

/** Dump formats that are recognised by their first bytes, tried in this order. */
export const formats: readonly DumpFormat[] = [kdump, elfCore, lime];

/** Dump formats that can be stated by name. */
export const namedFormats: readonly DumpFormat[] = [raw, lime];
