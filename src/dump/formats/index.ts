// SPDX-License-Identifier: Apache-2.0
import type { DumpFormat } from '../image.js';
import { elfCore } from './elf.js';
import { kdump } from './kdump.js';

/** Every form of dump that is read, each tried in turn. */
export const formats: readonly DumpFormat[] = [kdump, elfCore];
