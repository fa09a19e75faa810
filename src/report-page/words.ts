// SPDX-License-Identifier: Apache-2.0
// Values as people read them. What is not known is empty in a table.
import { size } from '../report/table.js';

export const bytes = (value: number | null): string => (value === null ? '' : size(value));

/** Made once: toLocaleString() makes one for each number. */
const format = new Intl.NumberFormat('en-US');

export const number = (value: number | null): string => (value === null ? '' : format.format(value));

export const seconds = (value: number): string => value.toFixed(value < 10 ? 2 : 0);

/** A time as RFC 3339 has it, in UTC, without what a table does not need. */
export const time = (value: string | null): string => (value ?? '').slice(0, 19).replace('T', ' ');

/** The name of a host; the kernel's name of one to which none was given is "(none)". */
export const host = (node: string | null): string => (node === null || node === '(none)' ? '' : node);

export const states = (value: readonly (readonly [string, number])[] | null): string =>
  (value ?? []).map(([state, sum]) => `${state} ${size(sum)}`).join(', ');
