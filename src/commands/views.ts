// SPDX-License-Identifier: Apache-2.0
// All members of kernel structures that this program reads; a layout profile must contain them. A module that declares
// views or enumerations must be imported here, directly or indirectly, because the program loads some modules late.
import * as caches from '../caches/structs.js';
import * as printk from '../kernel/printk/structs.js';
import * as kernel from '../kernel/structs.js';
import * as swap from '../kernel/swap-structs.js';
import * as mmu from '../kvm/mmu/structs.js';
import * as kvm from '../kvm/structs.js';
import * as vcpus from '../kvm/vcpus/structs.js';
import * as owners from '../owners/structs.js';
import * as pages from '../pages/structs.js';
import { declaredEnums, declaredViews, type Fields, type Wants } from '../types/fields.js';

/** The order of views in a profile, so that the profile of a kernel is always the same text. */
const ORDER: readonly unknown[] = [kernel, swap, kvm, vcpus, pages, caches, owners, printk, mmu].flatMap(
  (module: object) => Object.values(module) as unknown[],
);

/** All declared views. */
export function views(): readonly Fields<Wants>[] {
  const declared = declaredViews();
  const place = new Map(ORDER.map((value, i) => [value, i]));
  const placeOf = (view: Fields<Wants>): number => place.get(view) ?? ORDER.length;
  return [...declared].sort((a, b) => placeOf(a) - placeOf(b));
}

/** The names of all declared enumerations, sorted. */
export const enums = (): readonly string[] => [...declaredEnums()].sort();
