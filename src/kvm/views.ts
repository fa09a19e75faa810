// SPDX-License-Identifier: Apache-2.0
// Everything that is read of the kernel's structures: what a layout profile has to hold.
import * as kernel from '../kernel/structs.js';
import * as swap from '../kernel/swap-structs.js';
import type { Fields, Wants } from '../types/fields.js';
import * as kvm from './structs.js';

const isFields = (value: unknown): value is Fields<Wants> =>
  typeof value === 'object' && value !== null && 'struct' in value && 'wants' in value;

export const views: readonly Fields<Wants>[] = [
  ...Object.values(kernel),
  ...Object.values(swap),
  ...Object.values(kvm),
].filter(isFields);

export const enums: readonly string[] = ['pageflags'];
