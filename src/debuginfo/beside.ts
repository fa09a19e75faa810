// SPDX-License-Identifier: Apache-2.0
import { DumpError } from '../core/errors.js';
import type { Log } from '../core/log.js';
import type { ByteSource } from '../core/memory.js';
import { requireFolder } from '../io/folder.js';
import type { NeededModule } from '../kernel/needs.js';
import type { ModuleOrigin } from '../opening/module-build.js';
import type { Outside, SymbolsWanted, TypesFrom, TypesNeeded, TypesWanted } from '../opening/outside.js';
import type { SymbolTable } from '../symbols/table.js';
import { describes, type TypeSource } from '../types/source.js';
import { type BesideOptions, NOTHING_SAID } from './beside-options.js';
import { checkModuleRelease } from './checks.js';
import { textOf } from './file.js';
import { Lookup } from './lookup.js';
import { fileName, type Wanted } from './places.js';
import { type ProfileOrigin, profileIn, shippedFor } from './profiles.js';
import { SymbolFiles } from './symbols.js';

/** Files with symbols and types: those that the user named, and those found where distributions install them. */
export class Beside implements Outside {
  readonly typesFrom: TypesFrom;
  readonly modules: ModuleOrigin[] = [];
  readonly #options: BesideOptions;
  readonly #log: Log;
  readonly #lookup: Lookup;
  readonly #symbols: SymbolFiles;

  /** Throws `DumpError` if a folder to search does not exist. */
  constructor(options: Partial<BesideOptions>, log: Log) {
    this.#options = { ...NOTHING_SAID, ...options };
    for (const folder of this.#options.debugDirs) requireFolder(folder);
    this.#log = log;
    this.#lookup = new Lookup(this.#options.debugDirs, log);
    this.#symbols = new SymbolFiles(this.#lookup, this.#options);
    this.typesFrom = this.#options.typesFrom;
  }

  /** Throws `DumpError` if the file can't be read, or is not VMCOREINFO. */
  get vmcoreinfo(): string | null {
    const path = this.#options.vmcoreinfo;
    if (path === null) return null;
    const text = textOf(path, 'the text of VMCOREINFO');
    if (/^OSRELEASE=/m.test(text)) return text;
    throw new DumpError(`${path}: not VMCOREINFO: a line with OSRELEASE= is missing`, { code: 'wrong-file' });
  }

  get looked(): readonly string[] {
    return this.#lookup.looked;
  }

  provenSymbols(wanted: SymbolsWanted): Promise<SymbolTable | null> {
    return this.#symbols.proven(wanted);
  }

  moreSymbols(wanted: SymbolsWanted, enough: (tables: readonly SymbolTable[]) => boolean): Promise<SymbolTable[]> {
    return this.#symbols.more(wanted, enough);
  }

  async givenTypes(needed: TypesNeeded): Promise<readonly TypeSource[]> {
    const { layout, vmlinux } = this.#options;
    const given: TypeSource[] = [];
    const from = (kind: TypesFrom): boolean => this.typesFrom === 'auto' || this.typesFrom === kind;
    if (layout !== null && from('layout')) given.push(this.#typesOf(profileIn(layout, needed)));
    for (const module of needed.needs.modules) {
      const path = this.#given(module);
      if (path !== null && from('dwarf')) given.push(await this.#moduleTypes(path, module, needed));
    }
    if (vmlinux !== null && from('dwarf')) given.push(await this.#vmlinuxTypes(vmlinux, needed));
    return given;
  }

  async soughtTypes(module: NeededModule, wanted: TypesWanted, isDescribed: boolean): Promise<TypeSource | null> {
    const path = this.#given(module);
    if (path !== null && (this.typesFrom === 'auto' || this.typesFrom === 'dwarf'))
      return this.#moduleTypes(path, module, wanted);
    if (isDescribed) return null;
    for (const find of this.#waysTo(module, wanted)) {
      const types = await find();
      if (types !== null && describes(types, module.marker)) return types;
    }
    return null;
  }

  async foundTypes(wanted: TypesWanted): Promise<readonly TypeSource[]> {
    const found: TypeSource[] = [];
    for (const find of this.#ways(wanted)) {
      if (wanted.enough(found)) break;
      const types = await find(found);
      if (types !== null) found.push(types);
    }
    return found;
  }

  /** Saves the index of what was found in the user's cache folder, and closes the files. */
  close(): void {
    this.#lookup.close();
  }

  /** Sources of types that the user did not name, the safest and cheapest first. */
  *#ways(wanted: TypesWanted): Generator<(found: readonly TypeSource[]) => Promise<TypeSource | null>> {
    const { typesFrom } = this;
    const { kernel, needs } = wanted;
    const { vmlinux, layout, debuginfod } = this.#options;
    const search = this.#lookup.search.bind(this.#lookup);
    if (typesFrom !== 'dwarf' && typesFrom !== 'btf' && layout === null) yield () => this.#shipped(wanted);
    if (typesFrom !== 'dwarf' && typesFrom !== 'auto') return;
    const modules = needs.modules.filter((module) => this.#given(module) === null);
    for (const module of modules) yield () => search(module, kernel, (path) => this.#moduleTypes(path, module, wanted));
    if (vmlinux === null) yield () => search('vmlinux', kernel, (path) => this.#vmlinuxTypes(path, wanted));
    if (!debuginfod) return;
    const fetched = (from: string | ByteSource) => this.#vmlinuxTypes(from, wanted);
    if (vmlinux === null) yield () => this.#fetched('vmlinux', kernel.buildId, fetched);
    for (const module of modules) yield (found) => this.#fetchedModule(module, wanted, found);
  }

  /** The same for one module. */
  *#waysTo(module: NeededModule, wanted: TypesWanted): Generator<() => Promise<TypeSource | null>> {
    const { typesFrom } = this;
    const { layout, debuginfod } = this.#options;
    if (typesFrom !== 'dwarf' && typesFrom !== 'btf' && layout === null) yield () => this.#shipped(wanted);
    if (typesFrom !== 'dwarf' && typesFrom !== 'auto') return;
    yield () => this.#lookup.search(module, wanted.kernel, (path) => this.#moduleTypes(path, module, wanted));
    if (debuginfod) yield () => this.#fetchedModule(module, wanted, []);
  }

  /** The file that the user named for a module; null if none was named. */
  #given({ name }: NeededModule): string | null {
    const { kvmModule, kvmAmdModule } = this.#options;
    return name === 'kvm' ? kvmModule : name === 'kvm_amd' ? kvmAmdModule : null;
  }

  async #shipped(wanted: TypesNeeded): Promise<TypeSource | null> {
    const { release, buildId } = wanted.kernel;
    const found = await shippedFor(wanted);
    if (found !== null) return this.#typesOf(found);
    this.#lookup.looked.push(`a shipped profile of ${release} (build-id ${buildId ?? 'unknown'})`);
    return null;
  }

  #typesOf({ types, modules }: ProfileOrigin): TypeSource {
    this.modules.push(...modules);
    return types;
  }

  async #vmlinuxTypes(from: string | ByteSource, { kernel, needs }: TypesNeeded): Promise<TypeSource> {
    return this.#lookup.types(await this.#lookup.vmlinux(from, kernel), 'task_struct', needs.units);
  }

  async #moduleTypes(
    from: string | ByteSource,
    module: NeededModule,
    { kernel, needs }: TypesNeeded,
  ): Promise<TypeSource> {
    const object = await this.#lookup.object(from, module);
    checkModuleRelease(object, kernel.release, 'dump');
    const types = await this.#lookup.types(object, module.marker, needs.units);
    this.modules.push({ name: object.file.name, module, buildId: object.buildId });
    return types;
  }

  /** The build-id of a module is read with the types found so far. */
  #fetchedModule(module: NeededModule, wanted: TypesWanted, found: readonly TypeSource[]): Promise<TypeSource | null> {
    const open = (from: string | ByteSource) => this.#moduleTypes(from, module, wanted);
    return this.#fetched(module, wanted.moduleBuildId(module, found), open);
  }

  async #fetched(
    wanted: Wanted,
    buildId: string | null,
    open: (from: string | ByteSource) => Promise<TypeSource>,
  ): Promise<TypeSource | null> {
    if (buildId === null) {
      this.#lookup.looked.push(`debuginfod (build-id of ${fileName(wanted)} unknown)`);
      return null;
    }
    // Loaded only when needed: everything else works without network code.
    const { fetchDebuginfo, settingsOf } = await import('./debuginfod.js');
    const fetched = await fetchDebuginfo(buildId, settingsOf(process.env), this.#log);
    if (fetched !== null) return open(fetched);
    this.#lookup.looked.push(`debuginfod (${fileName(wanted)}, build-id ${buildId})`);
    return null;
  }
}
