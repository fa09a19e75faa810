// SPDX-License-Identifier: Apache-2.0
import { DumpError } from '../core/errors.js';
import type { Log } from '../core/log.js';
import type { ElfObject } from '../elf/sections.js';
import { fileExists, readText } from '../io/cache-folder.js';
import type { KernelIdentity } from '../kernel/identity.js';
import type { Outside, TypesFrom, WantedSymbols } from '../kernel/outside.js';
import { LIKELY_UNITS } from '../kernel/structs.js';
import { shippedProfile } from '../layouts/shipped.js';
import { ElfSymbols } from '../symbols/elf-symbols.js';
import { SystemMap } from '../symbols/system-map.js';
import type { SymbolTable } from '../symbols/table.js';
import { type Profile, ProfileTypes, parseProfile } from '../types/profile.js';
import type { TypeSource } from '../types/source.js';
import { checkModuleRelease, checkProfile, checkVmlinux, isOf, otherBuild } from './checks.js';
import { type DwarfFile, openDwarf, openObject } from './dwarf-file.js';
import { openPacked } from './file.js';
import { placesOf, type Wanted } from './places.js';

/** What the user said about files beside the dump. */
export interface BesideOptions {
  readonly typesFrom: TypesFrom;
  readonly vmlinux: string | null;
  readonly kvmModule: string | null;
  readonly systemMap: string | null;
  readonly layout: string | null;
  /** Folders to look in before the places of distributions. */
  readonly debugDirs: readonly string[];
  /** Whether files may be fetched by their build-id; without it no socket is opened. */
  readonly debuginfod: boolean;
}

/** Files of symbols and types that lie beside a dump: those named, those that are where distributions put them. */
export class Beside implements Outside {
  readonly typesFrom: TypesFrom;
  readonly looked: string[] = [];
  readonly #options: BesideOptions;
  readonly #log: Log;
  readonly #opened: DwarfFile[] = [];
  /** Files whose types are module kvm's, with their build-ids. */
  readonly #modules: { readonly name: string; readonly buildId: string }[] = [];

  constructor(options: BesideOptions, log: Log) {
    this.#options = options;
    this.#log = log;
    this.typesFrom = options.typesFrom;
  }

  async symbols(kernel: KernelIdentity, slide: bigint, want: WantedSymbols): Promise<readonly SymbolTable[]> {
    const { systemMap, vmlinux } = this.#options;
    if (want === 'search') return this.#foundSymbols(kernel, slide);
    if (systemMap !== null) return [await readMap(systemMap, slide)];
    if (want === 'besides' || vmlinux === null) return [];
    // A build-id that differs can be VMCOREINFO's fault: then the kernel's own symbols have to show whose it is.
    const object = await openObject(vmlinux);
    return object.buildId !== null && object.buildId === kernel.buildId ? [new ElfSymbols(object, slide)] : [];
  }

  async #foundSymbols(kernel: KernelIdentity, slide: bigint): Promise<readonly SymbolTable[]> {
    const { vmlinux } = this.#options;
    if (vmlinux !== null) return [new ElfSymbols(await this.#vmlinux(vmlinux, kernel), slide)];
    const map = await this.#search('System.map', kernel, (path) => readMap(path, slide));
    if (map !== null) return [map];
    const found = await this.#search('vmlinux', kernel, (path) => this.#vmlinux(path, kernel));
    return found === null ? [] : [new ElfSymbols(found, slide)];
  }

  async givenTypes(kernel: KernelIdentity): Promise<readonly TypeSource[]> {
    const { layout, kvmModule, vmlinux } = this.#options;
    const given: TypeSource[] = [];
    const from = (kind: TypesFrom): boolean => this.typesFrom === 'auto' || this.typesFrom === kind;
    if (layout !== null && from('layout')) given.push(this.#profile(layout, kernel));
    if (kvmModule !== null && from('dwarf')) given.push(await this.#moduleTypes(kvmModule, kernel));
    if (vmlinux !== null && from('dwarf')) given.push(await this.#types(await this.#vmlinux(vmlinux, kernel)));
    return given;
  }

  async foundTypes(
    kernel: KernelIdentity,
    enough: (types: readonly TypeSource[]) => boolean,
  ): Promise<readonly TypeSource[]> {
    const found: TypeSource[] = [];
    for (const find of this.#ways(kernel)) {
      if (enough(found)) break;
      const types = await find();
      if (types !== null) found.push(types);
    }
    return found;
  }

  checkModule(running: () => string | null): void {
    if (this.#modules.length === 0) return;
    const buildId = running();
    for (const { name, buildId: theirs } of this.#modules)
      if (buildId !== null && buildId !== theirs)
        throw otherBuild(name, `build-id ${theirs}, the module kvm that runs in the dump has ${buildId}`);
  }

  /** Keeps what was found in the user's cache folder. */
  save(): void {
    for (const file of this.#opened) file.save(this.#log);
  }

  /** Where types can come from that nobody named, the surest and cheapest first. */
  *#ways(kernel: KernelIdentity): Generator<() => Promise<TypeSource | null>> {
    const { typesFrom } = this;
    const { kvmModule, vmlinux, layout } = this.#options;
    if (typesFrom !== 'dwarf' && typesFrom !== 'btf' && layout === null) yield () => this.#shipped(kernel);
    if (typesFrom !== 'dwarf' && typesFrom !== 'auto') return;
    if (kvmModule === null) yield () => this.#search('kvm.ko', kernel, (path) => this.#moduleTypes(path, kernel));
    if (vmlinux !== null) return;
    yield () => this.#search('vmlinux', kernel, async (path) => this.#types(await this.#vmlinux(path, kernel)));
    yield () => this.#fetched(kernel);
  }

  #profile(path: string, kernel: KernelIdentity): TypeSource {
    const text = readText(path);
    if (text === null) throw new DumpError(`${path}: no such file, or it can't be read; a layout profile is needed`);
    const profile = parseProfile(text, path);
    checkProfile(profile, path, kernel);
    return this.#typesOfProfile(profile, `layout profile ${path}`);
  }

  async #shipped(kernel: KernelIdentity): Promise<TypeSource | null> {
    const profile = await shippedProfile(kernel.release);
    if (profile === null || !isOf(profile, kernel)) {
      this.looked.push(`a shipped profile of ${kernel.release} (build-id ${kernel.buildId ?? 'not known'})`);
      return null;
    }
    return this.#typesOfProfile(profile, `shipped layout profile of ${kernel.release}`);
  }

  #typesOfProfile(profile: Profile, name: string): TypeSource {
    if (profile.kvmBuildId !== null) this.#modules.push({ name, buildId: profile.kvmBuildId });
    return new ProfileTypes(name, profile);
  }

  async #vmlinux(path: string, kernel: KernelIdentity): Promise<ElfObject> {
    const object = await openObject(path);
    checkVmlinux(object, kernel);
    return object;
  }

  async #moduleTypes(path: string, kernel: KernelIdentity): Promise<TypeSource> {
    const object = await openObject(path);
    checkModuleRelease(object, kernel.release, 'dump');
    const types = await this.#types(object);
    const { buildId } = object;
    if (buildId !== null) this.#modules.push({ name: path, buildId });
    return types;
  }

  async #types(object: ElfObject): Promise<TypeSource> {
    const file = await openDwarf(object, LIKELY_UNITS);
    this.#opened.push(file);
    return file.types;
  }

  async #fetched(kernel: KernelIdentity): Promise<TypeSource | null> {
    if (!this.#options.debuginfod) return null;
    if (kernel.buildId === null) {
      this.looked.push('debuginfod (the build-id is not known)');
      return null;
    }
    // The network's code is loaded only here.
    const { fetchDebuginfo, settingsOf } = await import('./debuginfod.js');
    const path = await fetchDebuginfo(kernel.buildId, settingsOf(process.env), this.#log);
    if (path !== null) return this.#types(await this.#vmlinux(path, kernel));
    this.looked.push(`debuginfod (build-id ${kernel.buildId})`);
    return null;
  }

  /** The first file in its places that serves; those that do not are told with --verbose. */
  async #search<T>(wanted: Wanted, kernel: KernelIdentity, open: (path: string) => Promise<T>): Promise<T | null> {
    const buildId = wanted === 'vmlinux' ? kernel.buildId : null;
    for (const path of placesOf(wanted, kernel.release, buildId, this.#options.debugDirs)) {
      if (!fileExists(path)) continue;
      try {
        return await open(path);
      } catch (error) {
        if (!(error instanceof DumpError)) throw error;
        this.#log.found(`${wanted}: ${error.message}`);
      }
    }
    this.looked.push(wanted);
    return null;
  }
}

async function readMap(path: string, slide: bigint): Promise<SymbolTable> {
  const file = await openPacked(path);
  return new SystemMap(file.read(0, file.size, 'System.map'), path, slide);
}
