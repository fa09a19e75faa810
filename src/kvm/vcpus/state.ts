// SPDX-License-Identifier: Apache-2.0
// What struct kvm_vcpu says of a vCPU besides its registers.

import { orNull } from '../../core/errors.js';
import { readOf } from '../../core/memory.js';
import type { Host } from '../../kernel/host.js';
import { resolveIfPresent } from '../../types/fields.js';
import { ifAnswered } from '../../types/source.js';
import type { Arch } from './arch.js';
import { emulatorFields, vcpuListFields } from './structs.js';

/** Where a vCPU was in KVM's loop; 'exiting': it was in guest mode, and was asked to leave it. */
export type VcpuMode = 'outside' | 'in-guest' | 'exiting' | 'reading-shadow-page-tables';
/** The modes in the order of the kernel's values (include/linux/kvm_host.h). */
export const VCPU_MODES: readonly VcpuMode[] = ['outside', 'in-guest', 'exiting', 'reading-shadow-page-tables'];

/** The multiprocessing state of a vCPU (KVM_MP_STATE_...). */
export type MpState =
  | ('runnable' | 'uninitialized' | 'init-received' | 'halted' | 'sipi-received' | 'stopped')
  | ('check-stop' | 'operating' | 'load' | 'ap-reset-hold' | 'suspended');
/** These states in the order of the values (include/uapi/linux/kvm.h). */
export const MP_STATES: readonly MpState[] = [
  ...(['runnable', 'uninitialized', 'init-received', 'halted', 'sipi-received', 'stopped'] as const),
  ...(['check-stop', 'operating', 'load', 'ap-reset-hold', 'suspended'] as const),
];

/** Bits of vcpu.arch.hflags (HF_, asm/kvm_host.h). */
const HFLAGS = { nestedGuest: 1 << 0, smm: 1 << 1 };
/** Until Linux commit 32e69f232db4 ("KVM: x86: Use emulator callbacks instead of duplicating "host flags"") (in v6.4). */
const OLD_HFLAGS = { nestedGuest: 1 << 5, smm: 1 << 6 };

/** The most processors that a kernel can be built for (NR_CPUS, arch/x86/Kconfig). */
const MOST_CPUS = 8192;

/** The state of a vCPU. What is not known is null, and `problems` has the reason. */
export class VcpuState {
  readonly #arch: Arch;
  readonly #problems: string[];
  readonly #flags: typeof HFLAGS | null;
  /** Whether a value was read that it can't have, or that is not known. */
  isDamaged = false;

  constructor(arch: Arch, problems: string[]) {
    this.#arch = arch;
    this.#problems = problems;
    this.#flags = flagsOf(arch);
  }

  get id(): number {
    const { bytes, at } = this.#arch.of;
    return bytes.u32(at.id.offset);
  }

  /** The processor that it was loaded on last; -1 if there was none. */
  get cpu(): number | null {
    const { bytes, at, host } = this.#arch.of;
    const cpu = bytes.i32(at.cpu.offset);
    const count = processorsOf(host);
    if (cpu >= -1 && cpu < count) return cpu;
    return this.#impossible('cpu', `${cpu} is not one of ${count} processors`);
  }

  /** Address of the struct pid of the thread that ran it last; null if none has. */
  get pid(): bigint | null {
    const { bytes, at } = this.#arch.of;
    const address = at.pid === null ? 0n : bytes.u64(at.pid.offset);
    return address === 0n ? null : address;
  }

  get mode(): VcpuMode | null {
    const { mode } = this.#arch.of.at;
    return mode === null ? null : this.#named('mode', VCPU_MODES, mode.offset);
  }

  get mpState(): MpState | null {
    return this.#named('mpState', MP_STATES, this.#arch.of.at.mpState.offset);
  }

  get smm(): boolean | null {
    return this.#flag('smm');
  }

  get nestedGuest(): boolean | null {
    return this.#flag('nestedGuest');
  }

  #flag(name: keyof typeof HFLAGS): boolean | null {
    const { bytes, at } = this.#arch.of;
    const flags = bytes.u32(at.hflags.offset);
    if (this.#flags !== null) return (flags & this.#flags[name]) !== 0;
    // Clear in either numbering.
    if ((flags & (HFLAGS[name] | OLD_HFLAGS[name])) === 0) return false;
    this.#problems.push(
      `${name}: type information does not describe struct ${emulatorFields.struct}, which shows the meaning of hflags`,
    );
    return null;
  }

  #named<Name>(what: string, names: readonly Name[], offset: number): Name | null {
    const value = this.#arch.of.bytes.u32(offset);
    const name = names[value];
    if (name !== undefined) return name;
    return this.#impossible(what, `${value} is not a value that is known`);
  }

  #impossible(what: string, why: string): null {
    this.isDamaged = true;
    this.#problems.push(`${what}: ${why}`);
    return null;
  }
}

/** The number of processors (nr_cpu_ids); the most that are possible if it can't be read. */
function processorsOf({ symbols, memory }: Host): number {
  const count = orNull(() => {
    const variable = symbols.get('nr_cpu_ids');
    return variable === undefined ? null : readOf(memory, variable, 4, 'nr_cpu_ids').u32(0);
  });
  return count === null || count === 0 ? MOST_CPUS : Math.min(count, MOST_CPUS);
}

/** The meaning of hflags, which the kernel's types do not name: other members changed in the same commit. */
function flagsOf({ of: { host, types } }: Arch): typeof HFLAGS | null {
  const emulator = ifAnswered(() => resolveIfPresent(types, emulatorFields));
  if (emulator !== null) return emulator.isSmm === null ? OLD_HFLAGS : HFLAGS;
  // Kernels with the array are older than that commit.
  const list = ifAnswered(() => resolveIfPresent(host.types, vcpuListFields));
  return list !== null && list.array !== null ? OLD_HFLAGS : null;
}
