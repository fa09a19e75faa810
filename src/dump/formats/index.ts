// SPDX-License-Identifier: Apache-2.0
import type { DumpFormat } from '../image.js';
import { elfCore } from './elf.js';
import { kdump } from './kdump.js';
import { lime, raw } from './raw.js';

/** Every form of dump that is read, each tried in turn. */
export const formats: readonly DumpFormat[] = [kdump, elfCore, lime];

/** Forms that a file does not tell by itself. */
export const namedFormats: readonly DumpFormat[] = [raw, lime];
