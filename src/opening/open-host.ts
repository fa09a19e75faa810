// SPDX-License-Identifier: Apache-2.0
import type { Remedy } from '../core/advice.js';
import { DumpError } from '../core/errors.js';
import type { Log } from '../core/log.js';
import type { FrameSource } from '../core/memory.js';
import { printable } from '../core/text.js';
import type { DumpImage } from '../dump/image.js';
import type { Host, KernelIdentity } from '../kernel/host.js';
import type { KernelMemory } from '../kernel/memory.js';
import { ALWAYS } from '../kernel/structs.js';
import { VmCoreInfo } from '../notes/vmcoreinfo.js';
import { Symbols } from '../symbols/cache.js';
import type { Kallsyms } from '../symbols/kallsyms.js';
import { LayeredSymbols } from '../symbols/layered.js';
import type { SymbolTable } from '../symbols/table.js';
import { LayeredTypes } from '../types/layered.js';
import { describes, type TypeSource } from '../types/source.js';
import { checkedIdentity, openMemory } from './bootstrap.js';
import { ownTypes } from './btf.js';
import { scanForInfo } from './find-info.js';
import { findKernel } from './find-kernel.js';
import { Identity } from './identity.js';
import { checkModules, kvmBuildId } from './module-build.js';
import { nothingBeside, type Outside, type SymbolsWanted, type TypesWanted } from './outside.js';
import { namedKallsyms, scannedKallsyms } from './own-symbols.js';
import { checkOrder } from './randstruct.js';
import { checkTable } from './same-build.js';

/** Opens the kernel of a dump with nothing beside it: notes, page tables, kallsyms, BTF, in this order. */
export function openHost(image: DumpImage, frames: FrameSource, log: Log): Host {
  const opening = new Opening(image, frames, log);
  opening.scanForSymbols();
  opening.readOwnTypes();
  return opening.host([], []);
}

/**
 * The same with what lies beside the dump. What the user named comes before the kernel's own; what can be found is
 * looked for only where the kernel's own is not enough. `frames` is the image's memory, or something that looks on.
 */
export async function openHostWith(image: DumpImage, frames: FrameSource, log: Log, outside: Outside): Promise<Host> {
  const opening = new Opening(image, frames, log, outside);
  const proven = opening.hasSymbols([]) ? null : await outside.provenSymbols(opening.symbolsWanted);
  opening.addSymbols(proven === null ? [] : [proven]);
  opening.scanForSymbols();
  opening.addSymbols(await outside.moreSymbols(opening.symbolsWanted, (tables) => opening.hasSymbols(tables)));
  const given = await outside.givenTypes(opening.identity);
  if (outside.typesFrom === 'auto' || outside.typesFrom === 'btf') opening.readOwnTypes();
  return opening.host(given, await outside.foundTypes(opening.typesWanted(given)));
}

/** VMCOREINFO as it was given, or of the dump's notes; else of its memory, or what stands for it. */
function infoOf(image: DumpImage, frames: FrameSource, log: Log, given: string | null): VmCoreInfo {
  if (given !== null) return new VmCoreInfo(given);
  const { vmcoreinfo } = image.reader;
  if (vmcoreinfo !== null) return VmCoreInfo.of(vmcoreinfo);
  log.found(`${image.name}: no VMCOREINFO in its notes: looking through its memory`);
  return log.step('VMCOREINFO in memory', () => scanForInfo(image, frames)) ?? withoutInfo(image, frames, log);
}

function withoutInfo(image: DumpImage, frames: FrameSource, log: Log): VmCoreInfo {
  const info = log.step('kernel by its page tables', () => findKernel(image, frames));
  log.warn(
    `no VMCOREINFO in the dump: kernel ${printable(info.release ?? '')} was found by its page tables and kallsyms`,
  );
  return info;
}

/** Symbols of which one each must be there, or nothing is found: KVM is a module, or built in. */
const NEEDED_SYMBOLS = [['init_task'], ['modules', 'kvm_vm_fops']];

/** What brings symbols or types where the dump has none. */
const BESIDE: readonly Remedy[] = ['vmlinux', 'kvm-module', 'layout', 'system-map'];

class Opening {
  readonly info: VmCoreInfo;
  readonly release: string;
  readonly memory: KernelMemory;
  readonly uts: readonly string[];
  #tables: readonly SymbolTable[] = [];
  #kallsyms: Kallsyms | null = null;
  /** Why the kernel's own symbols, or its own types, are not to be had. */
  readonly #problems: DumpError[] = [];
  #own: TypeSource | null = null;

  constructor(
    image: DumpImage,
    readonly frames: FrameSource,
    readonly log: Log,
    readonly outside: Outside = nothingBeside,
  ) {
    this.info = infoOf(image, frames, log, outside.vmcoreinfo);
    this.release = printable(this.info.release ?? 'of unknown release');
    log.found(`${image.name}: ${image.reader.description}, kernel ${this.release}`);
    this.memory = log.step('kernel page tables', () => openMemory(frames, this.info, image.reader.physBase));
    this.uts = checkedIdentity(image, this.memory, this.info, this.release);
    this.#addOwn(() => namedKallsyms(this.memory, this.info, this.release));
  }

  /** Looks for the kernel's own symbols where VMCOREINFO does not name them: that takes a while. */
  scanForSymbols(): void {
    if (!this.hasSymbols([])) this.#addOwn(() => scannedKallsyms(this.memory, this.info, this.release));
  }

  #addOwn(open: () => Kallsyms | null): void {
    const kallsyms = this.#optional(() => this.log.step('kallsyms', open));
    if (kallsyms === null) return;
    this.#kallsyms = kallsyms;
    this.#tables = [kallsyms, ...this.#tables];
    this.log.found(`symbols: ${kallsyms.count} in ${kallsyms.source}`);
  }

  get identity(): KernelIdentity {
    return new Identity(this.memory, this.info, this.#symbols, this.release, this.uts[3] ?? '');
  }

  /** What a table of symbols is wanted for, and how it is checked. */
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

  /** Whether the symbols are there without which nothing is found, with these tables too. */
  hasSymbols(more: readonly SymbolTable[]): boolean {
    const tables = [...this.#tables, ...more];
    const has = (name: string): boolean => tables.some((table) => table.find(name) !== null);
    return NEEDED_SYMBOLS.every((names) => names.some(has));
  }

  /** Symbols that the kernel's own table lacks. */
  addSymbols(tables: readonly SymbolTable[]): void {
    this.#tables = [...this.#tables, ...tables];
    for (const { source } of tables) this.log.found(`symbols: ${source}`);
  }

  readOwnTypes(): void {
    const symbols = new Symbols(this.#symbols);
    this.#own = this.#optional(() =>
      this.log.step('types', () => ownTypes(this.memory, symbols, this.info, this.release, this.log)),
    );
  }

  typesWanted(given: readonly TypeSource[]): TypesWanted {
    const layers = (more: readonly TypeSource[]) => this.#layers(given, more);
    return {
      kernel: this.identity,
      enough: (more) => ALWAYS.every((name) => describes(layers(more), name)),
      kvmBuildId: (more) => kvmBuildId(this.memory, this.#symbols, layers(more)),
    };
  }

  host(given: readonly TypeSource[], found: readonly TypeSource[]): Host {
    const { frames, memory, info, release, uts, log } = this;
    const types = this.#layers(given, found);
    const hasSymbols = this.hasSymbols([]);
    if (!hasSymbols && this.#kallsyms !== null)
      this.#problems.unshift(
        new DumpError(`kernel ${release}: its kallsyms lacks init_task or modules (CONFIG_KALLSYMS_ALL is off)`),
      );
    if (types.sizeOf('kvm') === null || !hasSymbols) throw this.#notEnough();
    if (this.outside.typesFrom !== 'layout') checkOrder(memory, this.#symbols, release);
    log.found(`types: ${types.source}`);
    checkModules(this.outside.modules, { memory, symbols: this.#symbols, types, log });
    const symbols = new Symbols(this.#symbols);
    return { frames, memory, info, release, uts, types, symbols, identity: this.identity, log };
  }

  get #symbols(): SymbolTable {
    return new LayeredSymbols(this.#tables);
  }

  #layers(given: readonly TypeSource[], found: readonly TypeSource[]): TypeSource {
    const layers = [...given, ...(this.#own === null ? [] : [this.#own]), ...found];
    const [only] = layers;
    return only !== undefined && layers.length === 1 ? only : new LayeredTypes(layers);
  }

  #notEnough(): DumpError {
    const { looked } = this.outside;
    const where = looked.length === 0 ? '' : `; looked for in vain: ${looked.join(', ')}`;
    const [first] = this.#problems;
    return new DumpError(`${first?.message ?? `kernel ${this.release}: no types of KVM`}${where}`, {
      code: this.hasSymbols([]) ? 'no-types' : 'no-symbols',
      remedies: [...new Set<Remedy>([...(first?.remedies ?? []), ...BESIDE])],
      ...(first === undefined ? {} : { origin: first }),
    });
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
