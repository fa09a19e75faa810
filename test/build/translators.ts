// SPDX-License-Identifier: Apache-2.0
import { gfn } from '../../src/core/address.js';
import { selectVm } from '../../src/kvm/select.js';
import { GuestTranslator } from '../../src/translate/translator.js';
import type { SyntheticHost } from './host.js';
import { PAGE } from './memory.js';

export const HVA = 0x7f0000000000n;
export const slot = (id: number, gpa: bigint, pages: bigint, hva = HVA, flags = 0) => ({ id, gpa, pages, hva, flags });

/** A translator for the VM of pid 191. */
export function translatorOf(host: SyntheticHost, space = 0): GuestTranslator {
  const opened = host.open();
  return new GuestTranslator(selectVm(opened, '191', null).vm, space);
}

export const ask = (translator: GuestTranslator, gpa: bigint) => {
  translator.translate(gfn(Number(gpa / PAGE)), Number(gpa % PAGE));
  const { state, reason, frame, slot: found, page, pageSize, swap } = translator;
  return { state, reason, frame, id: found?.id, page, pageSize, swap };
};
