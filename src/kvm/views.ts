// SPDX-License-Identifier: Apache-2.0
// Everything that is read of the kernel's structures: what a layout profile has to hold. A module that declares views
// or enumerations has to be imported from here, or by what is: the program loads some of its modules late.
import * as kernel from '../kernel/structs.js';
import * as swap from '../kernel/swap-structs.js';
import { declaredEnums, declaredViews, type Fields, type Wants } from '../types/fields.js';
import * as kvm from './structs.js';

/** By their order here a kernel's profile is the same text whoever writes it. */
const ORDER: readonly unknown[] = [kernel, swap, kvm].flatMap((module: object) => Object.values(module) as unknown[]);

/** All views that are declared. */
export function views(): readonly Fields<Wants>[] {
  const declared = declaredViews();
  const place = new Map(ORDER.map((value, i) => [value, i]));
  const placeOf = (view: Fields<Wants>): number => place.get(view) ?? ORDER.length;
  return [...declared].sort((a, b) => placeOf(a) - placeOf(b));
}

/** The names of all enumerations that are declared. */
export const enums = (): readonly string[] => declaredEnums();
