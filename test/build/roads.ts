// SPDX-License-Identifier: Apache-2.0
import { gfn } from '../../src/core/address.js';
import { selectVm } from '../../src/kvm/select.js';
import { Road } from '../../src/translate/road.js';
import type { SyntheticHost } from './host.js';
import { PAGE } from './memory.js';

export const HVA = 0x7f0000000000n;
export const slot = (id: number, gpa: bigint, pages: bigint, hva = HVA, flags = 0) => ({ id, gpa, pages, hva, flags });

/** The `Road` of the VM of pid 191. */
export function roadOf(host: SyntheticHost, space = 0): Road {
  const opened = host.open();
  return new Road(opened, selectVm(opened, '191', null).vm, space);
}

export const ask = (road: Road, gpa: bigint) => {
  road.translate(gfn(Number(gpa / PAGE)), Number(gpa % PAGE));
  const { state, reason, frame, slot: found, page, pageSize, swap } = road;
  return { state, reason, frame, id: found?.id, page, pageSize, swap };
};
