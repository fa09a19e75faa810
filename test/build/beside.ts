import { gfn } from '../../src/core/address.js';
import { silentLog } from '../../src/core/log.js';
import { Beside } from '../../src/debuginfo/beside.js';
import type { BesideOptions } from '../../src/debuginfo/beside-options.js';
import { KVM_NEEDS } from '../../src/kvm/needs.js';
import { selectVm } from '../../src/kvm/select.js';
import { openHostWith } from '../../src/opening/open-host.js';
import { GuestTranslator } from '../../src/translate/translator.js';
import { type HostOptions, SyntheticHost } from './host.js';

const HVA = 0x7f0000000000n;
const SLOT = { id: 3, gpa: 0x100000n, pages: 16n, hva: HVA };

/** Translates one address of a host, and collects the messages. */
export async function ask(host: SyntheticHost, options: Partial<BesideOptions>) {
  const said: string[] = [];
  const log = { ...silentLog, warn: (text: string) => said.push(text), found: (text: string) => said.push(text) };
  const image = host.image();
  const opened = await openHostWith(image, image, { log, needs: KVM_NEEDS, outside: new Beside(options, log) });
  const { vm, fd } = selectVm(opened, '191', null);
  const translator = new GuestTranslator(vm, 0);
  const state = translator.translate(gfn(0x104), 0);
  return { state, frame: translator.frame, fd, said: said.join('\n') };
}

export function hostOf(options: HostOptions = {}): SyntheticHost {
  const host = new SyntheticHost(options);
  const { tables } = host.vmm(191, [SLOT]);
  tables.map(HVA + 0x4000n, 0x234);
  return host;
}
export const RIGHT = { state: 'mapped', frame: 0x234, fd: 9 };

/** How far KASLR moved the kernel of a host. */
export const SLIDE = 0x2000000n;
