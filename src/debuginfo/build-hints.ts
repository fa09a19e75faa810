// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import type { Log } from '../core/log.js';
import { ownFolder, readOwn, writeOwn } from '../io/own-files.js';
import { reasonOf } from '../io/system-error.js';
import type { StatedBuild } from '../opening/builds.js';
import type { SymbolHints } from '../symbols/hints.js';
import type { TypeHints } from '../types/btf-hints.js';
import type { BtfGroup } from '../types/btf-walk.js';
import { sumOf } from './sum.js';

/** Must be increased when the format of the file changes. */
const FORMAT = 'kvm-vtop record of a kernel build, version 3';
/** The most bytes of a file; one has about two thousand. */
const LARGEST = 0x10000;

const GROUPS: readonly BtfGroup[] = ['structures', 'enums'];

/** Sums of what names a crash, and the files of its dump. */
interface Witness {
  readonly crash: string;
  readonly dump: string;
}

/** The ID of a name. `witness`: where it was found; null once it was found in dumps of two crashes. */
interface Found {
  readonly id: number;
  readonly witness: Witness | null;
}

/** What a file has: the IDs of types, and the ranks of symbols. */
interface Contents {
  readonly ids: Readonly<Record<BtfGroup, Map<string, Found>>>;
  readonly ranks: Map<string, number>;
}

/**
 * Where names are in the BTF and in the kallsyms of a kernel, kept in the user's cache folder by release, version and stated
 * build-id. Of types it says nothing of what a kernel does not have, since that could not be proven with less than all of its BTF.
 * BTF can have several types of a name, of which the first counts, and in a damaged dump it may not be found: so what was found in
 * one dump is used for others only when that of another crash has said the same. Copies of a dump share what one of them has
 * lost. The places of symbols are proven by the names next to them, whichever dump they are from.
 */
export class BuildHints implements TypeHints, SymbolHints {
  readonly #head: string;
  readonly #ids: Contents['ids'];
  readonly #ranks: Contents['ranks'];
  readonly #witness: Witness;
  #isChanged = false;

  private constructor(
    readonly path: string,
    build: StatedBuild,
    dump: string,
  ) {
    this.#witness = { crash: sumOf(build.crash), dump: sumOf(dump) };
    this.#head = [FORMAT, build.release, build.version, build.buildId ?? '']
      .map((each) => JSON.stringify(each))
      .join(' ');
    const { ids, ranks } = contentsOf(readOwn(path, LARGEST), this.#head);
    this.#ids = ids;
    this.#ranks = ranks;
  }

  /** `dump`: what tells the files of the dump from all others. Null if nothing can be kept. */
  static of(build: StatedBuild, dump: string): BuildHints | null {
    const folder = ownFolder('builds');
    return folder === null ? null : new BuildHints(join(folder, nameOf(build)), build, dump);
  }

  get isEmpty(): boolean {
    return GROUPS.every((group) => ![...this.#ids[group].values()].some((found) => this.#isBelieved(found)));
  }

  /** Whether it has nothing for this dump, neither of types nor of symbols. */
  get hasNothing(): boolean {
    return this.isEmpty && this.#ranks.size === 0;
  }

  id(group: BtfGroup, name: string): number | undefined {
    const found = this.#ids[group].get(name);
    return found !== undefined && this.#isBelieved(found) ? found.id : undefined;
  }

  learn(group: BtfGroup, name: string, id: number): void {
    const known = this.#ids[group].get(name);
    const isSame = known?.id === id;
    if (isSame && this.#isBelieved(known)) return;
    const witness = isSame && known.witness?.crash !== this.#witness.crash ? null : this.#witness;
    this.#ids[group].set(name, { id, witness });
    this.#isChanged = true;
  }

  rank(name: string): number | undefined {
    return this.#ranks.get(name);
  }

  learnRank(name: string, rank: number): void {
    this.#ranks.set(name, rank);
    this.#isChanged = true;
  }

  #isBelieved({ witness }: Found): boolean {
    return witness === null || (witness.crash === this.#witness.crash && witness.dump === this.#witness.dump);
  }

  /** Writes what is new. Failures are only logged: they cost nothing but time in the next run. */
  save(log: Log): void {
    if (!this.#isChanged) return;
    this.#isChanged = false;
    const types = GROUPS.flatMap((group) =>
      [...this.#ids[group]].map(
        ([name, { id, witness }]) =>
          `${group} ${id} ${name} ${witness ? `${witness.crash} ${witness.dump}` : 'agreed'}\n`,
      ),
    );
    const symbols = [...this.#ranks].map(([name, rank]) => `symbols ${rank} ${name}\n`);
    const text = `${this.#head}\n${[...types, ...symbols].join('')}`;
    try {
      writeOwn(this.path, () => [Buffer.from(`${text}${sumOf(text)}\n`)]);
      log.found(`record of the kernel's build kept in ${this.path}`);
    } catch (error) {
      log.found(`record of the kernel's build not kept: ${reasonOf(error)}`);
    }
  }
}

const TYPE = /^(structures|enums) (\d{1,9}) (\w+) (?:agreed|([0-9a-f]{16}) ([0-9a-f]{16}))$/;
const SYMBOL = /^symbols (\d{1,9}) (\w+)$/;

/** What a file has; nothing if it is of another build, or damaged. */
function contentsOf(bytes: Uint8Array | null, head: string): Contents {
  const ids = { structures: new Map<string, Found>(), enums: new Map<string, Found>() };
  const ranks = new Map<string, number>();
  const whole = bytes === null ? '' : Buffer.from(bytes).toString();
  const end = whole.lastIndexOf('\n', whole.length - 2) + 1;
  const text = whole.slice(0, end);
  if (!text.startsWith(`${head}\n`) || whole.slice(end) !== `${sumOf(text)}\n`) return { ids, ranks };
  for (const line of text.slice(head.length + 1).split('\n')) {
    const [, group, id = '', name = '', crash, dump = ''] = TYPE.exec(line) ?? [];
    if (group !== undefined)
      ids[group as BtfGroup].set(name, { id: Number(id), witness: crash === undefined ? null : { crash, dump } });
    const [, rank, symbol = ''] = SYMBOL.exec(line) ?? [];
    if (rank !== undefined) ranks.set(symbol, Number(rank));
  }
  return { ids, ranks };
}

/** A name for a file: all of the release that is safe, and a sum of what tells builds apart. */
const nameOf = ({ release, version, buildId }: StatedBuild): string =>
  `${release.replace(/[^\w+.-]/g, '_').slice(0, 80)}-${sumOf(`${release}\n${version}\n${buildId ?? ''}`)}`;
