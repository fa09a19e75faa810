// SPDX-License-Identifier: Apache-2.0
import { DumpError } from '../core/errors.js';
import type { KeptAnswers } from '../core/kept.js';
import { type Log, noting } from '../core/log.js';
import type { FrameSource } from '../core/memory.js';
import { printable } from '../core/text.js';
import type { DumpImage } from '../dump/image.js';
import type { Host, KernelIdentity } from '../kernel/host.js';
import type { KernelMemory } from '../kernel/memory.js';
import type { KernelNeeds, NeededModule } from '../kernel/needs.js';
import type { VmCoreInfo } from '../notes/vmcoreinfo.js';
import { Symbols } from '../symbols/cache.js';
import { KeptSymbols } from '../symbols/kept-symbols.js';
import { LayeredSymbols } from '../symbols/layered.js';
import type { CountedTable, SymbolTable } from '../symbols/table.js';
import { LayeredTypes } from '../types/layered.js';
import { describes, type TypeSource } from '../types/source.js';
import { checkedIdentity, openMemory } from './bootstrap.js';
import { type OwnTypes, ownTypes } from './btf.js';
import type { DumpBuilds, NameHints, StatedBuild } from './builds.js';
import { infoOf } from './find-info.js';
import { Identity } from './identity.js';
import { keptTypes } from './kept-types.js';
import { checkModules, moduleBuildId } from './module-build.js';
import { isLoaded, ModuleTypes } from './module-types.js';
import { notEnough } from './not-enough.js';
import { nothingBeside, type Outside, type SymbolsWanted, type TypesWanted } from './outside.js';
import { namedKallsyms, scannedKallsyms } from './own-symbols.js';
import { checkOrder } from './randstruct.js';
import { checkTable } from './same-build.js';

/** How a kernel is opened. */
export interface OpeningOptions {
  readonly log: Log;
  readonly needs: KernelNeeds;
  readonly outside?: Outside;
  /** What is known of the same builds from other dumps; null if nothing is. */
  readonly builds?: DumpBuilds | null;
}

/** A kernel that is being opened: the symbols and types that have been found so far. */
export class Opening {
  readonly info: VmCoreInfo;
  readonly release: string;
  readonly log: Log;
  readonly needs: KernelNeeds;
  readonly outside: Outside;
  readonly memory: KernelMemory;
  readonly uts: readonly string[];
  #tables: readonly SymbolTable[] = [];
  #kallsyms: CountedTable | null = null;
  /** Why the kernel's own symbols or types can't be used. */
  readonly #problems: DumpError[] = [];
  #own: OwnTypes | null = null;
  #modules: ModuleTypes;
  readonly #builds: DumpBuilds | null;
  readonly #hints: NameHints | null;
  /** What the kernel's own symbols have answered in earlier runs, and its own types; null if that is not kept. */
  readonly #kept: KeptAnswers | null;
  #keptTypes: KeptAnswers | null = null;

  constructor(
    image: DumpImage,
    readonly frames: FrameSource,
    { log, needs, outside = nothingBeside, builds = null }: OpeningOptions,
  ) {
    this.log = log;
    this.needs = needs;
    this.outside = outside;
    this.#builds = builds;
    this.#modules = new ModuleTypes(null, log);
    this.info = infoOf(image, frames, log, outside.vmcoreinfo);
    this.release = printable(this.info.release ?? 'of unknown release');
    log.found(`${image.name}: ${image.reader.description}, kernel ${this.release}`);
    this.memory = log.step('kernel page tables', () => openMemory(frames, this.info, image.reader.physBase));
    this.uts = checkedIdentity(image, this.memory, this.info, this.release);
    // Excerpts are attached to reports of problems: what other runs have learned must not change what is answered from them. A kernel that
    // has not crashed goes on.
    const isExcerpt = image.reader.isExcerpt === true;
    const isFixed = !isExcerpt && frames.live === undefined && this.info.text('CRASHTIME') !== null;
    this.#kept = isFixed ? (builds?.answers?.(this.#stated) ?? null) : null;
    // In a damaged dump, hints can lead to more than is found without them. What is kept of a dump must be what it says by itself.
    this.#hints = this.#kept === null ? (builds?.hints?.(this.#stated) ?? null) : null;
    const hints = isExcerpt ? null : this.#hints;
    this.#addOwn('kallsyms', () => namedKallsyms(this.memory, this.info, this.release, hints));
  }

  /** Searches the image for kallsyms if VMCOREINFO does not have its addresses; this takes some time. */
  scanForSymbols(): void {
    if (!this.hasSymbols([]))
      this.#addOwn('scanned kallsyms', () => scannedKallsyms(this.memory, this.info, this.release));
  }

  #addOwn(name: string, open: () => CountedTable | null): void {
    const kept = this.#kept?.within(name) ?? null;
    const kallsyms = this.#optional(() =>
      this.log.step('kallsyms', () => {
        const table = kept === null ? open() : KeptSymbols.of(kept, open);
        // If they can't be read, the table is not used, and others are looked for.
        if (table !== null) this.#hasNeeded([table]);
        return table;
      }),
    );
    if (kallsyms === null) return;
    this.#kallsyms = kallsyms;
    this.#tables = [kallsyms, ...this.#tables];
    this.log.found(`symbols: ${kallsyms.count} in ${kallsyms.source}`);
  }

  get #stated(): StatedBuild {
    const { info, release } = this;
    return { release, version: this.uts[3] ?? '', buildId: info.text('BUILD-ID'), crash: info.source };
  }

  get identity(): KernelIdentity {
    return new Identity(this.memory, this.info, this.#symbols, this.release, this.uts[3] ?? '');
  }

  /** What a symbol table is needed for, and how it is checked. */
  get symbolsWanted(): SymbolsWanted {
    const { identity: kernel, info, memory } = this;
    const own = this.#kallsyms;
    return {
      kernel,
      slide: info.kernelOffset ?? 0n,
      stext: info.symbol('_stext'),
      check: (table) => {
        checkTable(table, { info, kernel, memory, own });
      },
    };
  }

  /** Whether all needed symbols are found, with these additional tables. */
  hasSymbols(more: readonly SymbolTable[]): boolean {
    return this.#hasNeeded([...this.#tables, ...more]);
  }

  #hasNeeded(tables: readonly SymbolTable[]): boolean {
    const has = (name: string): boolean => tables.some((table) => table.find(name) !== null);
    return this.needs.symbols.every((names) => names.some(has));
  }

  /** Adds tables for symbols that the kernel's own table lacks. */
  addSymbols(tables: readonly SymbolTable[]): void {
    this.#tables = [...this.#tables, ...tables];
    for (const { source } of tables) this.log.found(`symbols: ${source}`);
  }

  readOwnTypes(): void {
    // Types are found by symbols, and are those of the modules that are needed.
    const modules = this.needs.modules.map(({ name }) => name);
    const isAlone = this.#tables.every((table) => table === this.#kallsyms);
    const part = `types of ${['vmlinux', ...modules].join(', ')} by ${this.#symbols.source || 'a scan'}`;
    const kept = isAlone ? (this.#kept?.within(part) ?? null) : null;
    this.#keptTypes = kept;
    this.#own = this.#optional(() =>
      this.log.step('types', () => (kept === null ? this.#openTypes() : keptTypes(kept, () => this.#openTypes(kept)))),
    );
    this.#modules = new ModuleTypes(this.#own, this.log);
  }

  #openTypes(kept: KeptAnswers | null = null): OwnTypes {
    const { memory, info, release, needs } = this;
    const symbols = new Symbols(this.#symbols);
    const known = this.#builds?.btf(this.identity) ?? null;
    const hints = this.#hints;
    // A warning about the types is to be given in each run.
    const log = kept === null ? this.log : noting(this.log, kept.drop.bind(kept));
    return ownTypes({ memory, symbols, info, release, log, known, hints }, needs.modules);
  }

  typesWanted(given: readonly TypeSource[]): TypesWanted {
    const layers = (more: readonly TypeSource[]) => this.#layers(given, more);
    return {
      kernel: this.identity,
      needs: this.needs,
      enough: (more) => this.needs.structs.every((name) => describes(layers(more), name)),
      moduleBuildId: (module, more) => moduleBuildId(this.memory, this.#symbols, layers(more), module.name),
    };
  }

  /** Searches for types of the modules that are loaded and that the dump does not describe. */
  async seekModules(given: readonly TypeSource[], found: readonly TypeSource[]): Promise<void> {
    const { memory, needs, outside } = this;
    const [types, symbols] = [this.#layers(given, found), this.#symbols];
    for (const module of needs.sought)
      if (isLoaded(module, { memory, symbols, types }))
        await this.#modules.seek(module, types, this.typesWanted([...given, ...found]), outside);
  }

  host(given: readonly TypeSource[], found: readonly TypeSource[]): Host {
    const { frames, memory, info, release, uts, needs, log, outside } = this;
    const types = this.#layers(given, found);
    const hasSymbols = this.hasSymbols([]);
    if (!hasSymbols && this.#kallsyms !== null)
      this.#problems.unshift(
        new DumpError(
          `kernel ${release}: its kallsyms lacks ${needs.symbols.map(([first]) => first).join(' or ')} (CONFIG_KALLSYMS_ALL is off)`,
        ),
      );
    const undescribed = Object.entries(needs.least).find(([struct]) => types.sizeOf(struct) === null);
    if (undescribed !== undefined || !hasSymbols)
      throw notEnough({
        needs,
        outside,
        release,
        hasSymbols,
        undescribed: undescribed?.[1] ?? null,
        first: this.#problems[0],
      });
    // What a failing disk has hidden is reported even if there is another source: the next error can be of the disk, too.
    for (const { code, message } of this.#problems) if (code === 'system') log.warn(message);
    if (outside.typesFrom !== 'layout') checkOrder(memory, this.#symbols, release);
    log.found(`types: ${types.source}`);
    this.#checkModules(types);
    const symbols = new Symbols(this.#symbols);
    const typesOf = (module: NeededModule): TypeSource => this.#modules.of(module, types);
    // What files beside the dump say of it is not kept.
    const kept = given.length === 0 && found.length === 0 ? this.#keptTypes : null;
    return {
      frames,
      memory,
      info,
      release,
      uts,
      types,
      typesOf,
      symbols,
      identity: this.identity,
      kept,
      needs,
      log,
    };
  }

  /** Checks the builds of modules that files describe. What they say of a module that is not loaded is not used. */
  #checkModules(types: TypeSource): void {
    const { memory, needs, log } = this;
    const symbols = this.#symbols;
    const used = this.outside.modules.filter(
      ({ module }) => !needs.sought.includes(module) || isLoaded(module, { memory, symbols, types }),
    );
    checkModules(used, { memory, symbols, types, log });
  }

  get #symbols(): SymbolTable {
    return new LayeredSymbols(this.#tables);
  }

  #layers(given: readonly TypeSource[], found: readonly TypeSource[]): TypeSource {
    const layers = [...given, ...(this.#own === null ? [] : [this.#own.types]), ...found];
    const [only] = layers;
    return only !== undefined && layers.length === 1 ? only : new LayeredTypes(layers);
  }

  #optional<T>(work: () => T): T | null {
    try {
      return work();
    } catch (error) {
      if (!(error instanceof DumpError)) throw error;
      this.#problems.push(error);
      this.log.found(error.message);
      return null;
    }
  }
}
