// SPDX-License-Identifier: Apache-2.0
import type { Log } from '../core/log.js';
import type { Host } from '../kernel/host.js';
import type { PageFacts } from '../pages/facts.js';
import { addressSpaces, type Spaces } from './address-spaces.js';
import type { Area } from './areas.js';
import { findKvm } from './find-kvm.js';
import type { Hits, Naming } from './hits.js';
import { AreaNames } from './names.js';
import { type Owner, ownersBy } from './owner.js';
import { type Found, search } from './pass.js';
import { type Entry, Settler } from './settle.js';
import { Unseen } from './unseen.js';
import { WantedFrames } from './wanted.js';

/** Who has a frame. */
export interface FrameAnswer {
  /** VMs first, then processes, each in the order of the task list. */
  readonly owners: readonly Owner[];
  /** Whether no other owner can be hidden by what the dump lacks. */
  readonly complete: boolean;
  /** Why owners may be missing. */
  readonly problems: readonly string[];
}

/** Finds who has frames of the host: VMs and processes. */
export class HostOwners {
  readonly #host: Host;
  readonly #spaces: Spaces;
  readonly #log: Log;
  readonly #names: AreaNames;

  /** Throws `UsageError` if the host was not opened for VMs (`OWNER_NEEDS`, `KVM_NEEDS`), `DumpError` if it has no list of tasks. */
  constructor(host: Host, log: Log) {
    this.#host = host;
    this.#log = log;
    this.#spaces = log.step('processes and VMs', () => addressSpaces(host, findKvm(host)));
    this.#names = new AreaNames(host);
  }

  /** Searches all page tables once for some frames, which can be in any order. The zero pages must not be among them. */
  of(frames: Float64Array): FrameOwners {
    const wanted = new WantedFrames(frames);
    const found = this.#log.step('page tables', () => search(this.#host, this.#spaces, wanted, this.#log));
    const unseen = new Unseen(this.#spaces, found.hidden);
    return new FrameOwners(wanted, found, new Settler(this.#host, this.#spaces, unseen), unseen, this.#names);
  }
}

/** The owners of some frames. */
export class FrameOwners {
  readonly #wanted: WantedFrames;
  readonly #hits: Hits;
  readonly #areas: readonly Area[];
  readonly #starts: Uint32Array;
  readonly #order: Uint32Array;

  constructor(
    wanted: WantedFrames,
    { hits, areas }: Found,
    readonly settler: Settler,
    readonly unseen: Unseen,
    readonly names: AreaNames,
  ) {
    this.#wanted = wanted;
    this.#hits = hits;
    this.#areas = areas;
    const { starts, order } = hits.byFrame(wanted.count);
    this.#starts = starts;
    this.#order = order;
  }

  /** Who has one of the frames. `facts` must be those of the frame. */
  of(facts: PageFacts): FrameAnswer {
    if (facts.kind === 'zero') return NOBODY;
    const { entries, complete, problems } = this.settler.settle(facts, this.entriesOf(facts.frame));
    const unnamed = new Set<string>();
    const fileOf = (area: Area): string | null => {
      const { name, problem } = this.names.of(area);
      if (problem !== null) unnamed.add(problem);
      return name;
    };
    const owners = entries.flatMap(({ area, page, naming }) => ownersBy(area, page, naming, fileOf));
    // The process may be one that can't be read.
    const nameless = entries.some(({ area }) => area.space.pid === null) ? this.unseen.problems : [];
    const noVms = this.unseen.unknownVms(new Set(entries.map(({ area }) => area.space)));
    return {
      owners: [...owners.filter(isVm), ...owners.filter((owner) => !isVm(owner))],
      complete: complete && noVms.length === 0,
      problems:
        noVms.length + unnamed.size + nameless.length === 0
          ? problems
          : [...new Set([...problems, ...nameless, ...noVms, ...unnamed])],
    };
  }

  /** The entries of page tables that name one of the frames. */
  entriesOf(frame: number): Entry[] {
    const index = this.#wanted.indexOf(frame);
    if (index < 0) return [];
    const { pages, areas, naming } = this.#hits;
    const entries: Entry[] = [];
    const end = this.#starts[index + 1] as number;
    for (let i = this.#starts[index] as number; i < end; i++) {
      const hit = this.#order[i] as number;
      const area = this.#areas[areas[hit] as number] as Area;
      entries.push({ area, page: pages[hit] as number, naming: naming[hit] as Naming });
    }
    return entries;
  }
}

const NOBODY: FrameAnswer = { owners: [], complete: true, problems: [] };
const isVm = ({ kind }: Owner): boolean => kind === 'vm';
