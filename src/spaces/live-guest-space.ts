// SPDX-License-Identifier: Apache-2.0
import { settled } from '../kernel/live.js';
import type { MemslotSet } from '../kvm/memslots/set.js';
import type { Memslot } from '../kvm/memslots/slot.js';
import { Vm } from '../kvm/vm.js';
import type { ContentsSource } from './contents.js';
import type { GuestRun, MutableGuestRun } from './guest-run.js';
import { GuestSpace } from './guest-space.js';
import { checkSame } from './live-mm-space.js';
import type { WalkStep } from './page-lookup.js';
import { keyOfRun, keyOfSteps, MOVED_GAP, moved, SettledRuns } from './settled-runs.js';
import type { Gap, RunCursor } from './space.js';

/** A guest's physical memory on a running host: all that is returned was read twice, memslots too. */
export class LiveGuestSpace extends GuestSpace {
  readonly #vm: Vm;
  #steps: readonly WalkStep[] = [];
  #source: ContentsSource = 'memory';

  constructor(vm: Vm, addressSpace: number) {
    super(vm, addressSpace);
    this.#vm = vm;
  }

  #fresh(): GuestSpace {
    const { kvm, address, mm } = this.#vm;
    const vm = new Vm(kvm, address);
    checkSame(mm, vm.mm);
    return new GuestSpace(vm, this.addressSpace);
  }

  /** If the memslots are no longer those of `slots`, by which the caller reads the runs, all pages have moved. */
  override runs(first: number, end: number): RunCursor<MutableGuestRun> {
    const slots = keyOfSet(this.slots);
    const movedRun = (page: number, pages: number): MutableGuestRun => moved(this.emptyRun(), page, pages);
    const reader = {
      read: (from: number, to: number): readonly MutableGuestRun[] => {
        const space = this.#fresh();
        if (keyOfSet(space.slots) !== slots) return [movedRun(from, to - from)];
        return Array.from(space.runs(from, to), (run) => run.copy());
      },
      key: keyOfGuestRun,
      moved: movedRun,
    };
    return new SettledRuns(this.#vm.kvm.host, reader, first, end);
  }

  override page(page: number): MutableGuestRun {
    const found = settled(this.#vm.kvm.host, () => {
      const space = this.#fresh();
      const run = space.page(page);
      const { steps } = space;
      return { key: `${keyOfGuestRun(run)} ${keyOfSteps(steps)}`, value: { run, steps } };
    });
    this.#steps = found?.steps ?? [];
    return found?.run ?? moved(this.emptyRun(), page);
  }

  override get steps(): readonly WalkStep[] {
    return this.#steps;
  }

  override get source(): ContentsSource {
    return this.#source;
  }

  override bytes(page: number): DataView | Gap {
    const found = settled(this.#vm.kvm.host, () => {
      const space = this.#fresh();
      const bytes = space.bytes(page);
      const { source } = space;
      return { key: `${keyOfGuestRun(space.page(page))} ${keyOfSteps(space.steps)}`, value: { bytes, source } };
    });
    if (found === null) return MOVED_GAP;
    this.#source = found.source;
    return found.bytes;
  }
}

const keyOfSlot = ({ id, first, pages, hva, flags }: Memslot): string => [id, first, pages, hva, flags].join();
const keyOfSet = ({ slots, missing }: MemslotSet): string => [...slots.map(keyOfSlot), missing].join(' ');
const keyOfGuestRun = (run: GuestRun): string =>
  run.slot === null ? keyOfRun(run) : `${keyOfRun(run)} ${keyOfSlot(run.slot)} ${run.hva}`;
