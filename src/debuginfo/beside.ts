// SPDX-License-Identifier: Apache-2.0
import { DumpError } from '../core/errors.js';
import type { Log } from '../core/log.js';
import type { ByteSource } from '../core/memory.js';
import { plainText } from '../core/plain-text.js';
import { FileSource } from '../io/file-source.js';
import type { KernelIdentity } from '../kernel/host.js';
import { shippedProfile } from '../layouts/shipped.js';
import type { ModuleOrigin } from '../opening/module-build.js';
import type { Outside, SymbolsWanted, TypesFrom, TypesWanted } from '../opening/outside.js';
import type { SymbolTable } from '../symbols/table.js';
import { type Profile, ProfileTypes, parseProfile } from '../types/profile.js';
import type { TypeSource } from '../types/source.js';
import { checkModuleRelease, checkProfile, isOf } from './checks.js';
import { Lookup } from './lookup.js';
import type { Wanted } from './places.js';
import { SymbolFiles } from './symbols.js';

/** What the user said about files beside the dump. */
export interface BesideOptions {
  readonly typesFrom: TypesFrom;
  readonly vmlinux: string | null;
  readonly kvmModule: string | null;
  readonly systemMap: string | null;
  readonly layout: string | null;
  /** A file with the text of VMCOREINFO. */
  readonly vmcoreinfo: string | null;
  /** Folders to look in before the places of distributions. */
  readonly debugDirs: readonly string[];
  /** Whether files may be fetched by their build-id; without it no socket is opened. */
  readonly debuginfod: boolean;
}

/** Nothing said: whatever there is. */
export const NOTHING_SAID: BesideOptions = {
  typesFrom: 'auto',
  vmlinux: null,
  kvmModule: null,
  systemMap: null,
  layout: null,
  vmcoreinfo: null,
  debugDirs: [],
  debuginfod: false,
};

/** Files of symbols and types that lie beside a dump: those named, those that are where distributions put them. */
export class Beside implements Outside {
  readonly typesFrom: TypesFrom;
  readonly modules: ModuleOrigin[] = [];
  readonly #options: BesideOptions;
  readonly #log: Log;
  readonly #lookup: Lookup;
  readonly #symbols: SymbolFiles;

  constructor(options: Partial<BesideOptions>, log: Log) {
    this.#options = { ...NOTHING_SAID, ...options };
    this.#log = log;
    this.#lookup = new Lookup(this.#options.debugDirs, log);
    this.#symbols = new SymbolFiles(this.#lookup, this.#options);
    this.typesFrom = this.#options.typesFrom;
  }

  /** Throws `DumpError` for a file that can't be read, or has no such text. */
  get vmcoreinfo(): string | null {
    const path = this.#options.vmcoreinfo;
    if (path === null) return null;
    const text = textOf(path, 'the text of VMCOREINFO');
    if (/^OSRELEASE=/m.test(text)) return text;
    throw new DumpError(`${path}: no VMCOREINFO: a line with OSRELEASE= is missing`, { code: 'wrong-file' });
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

  async givenTypes(kernel: KernelIdentity): Promise<readonly TypeSource[]> {
    const { layout, kvmModule, vmlinux } = this.#options;
    const given: TypeSource[] = [];
    const from = (kind: TypesFrom): boolean => this.typesFrom === 'auto' || this.typesFrom === kind;
    if (layout !== null && from('layout')) given.push(this.#profile(layout, kernel));
    if (kvmModule !== null && from('dwarf')) given.push(await this.#moduleTypes(kvmModule, kernel));
    if (vmlinux !== null && from('dwarf')) given.push(await this.#vmlinuxTypes(vmlinux, kernel));
    return given;
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

  /** Keeps what was found in the user's cache folder, and closes the files. */
  close(): void {
    this.#lookup.close();
  }

  /** Where types can come from that nobody named, the surest and cheapest first. */
  *#ways(wanted: TypesWanted): Generator<(found: readonly TypeSource[]) => Promise<TypeSource | null>> {
    const { typesFrom } = this;
    const { kernel } = wanted;
    const { kvmModule, vmlinux, layout, debuginfod } = this.#options;
    const search = this.#lookup.search.bind(this.#lookup);
    if (typesFrom !== 'dwarf' && typesFrom !== 'btf' && layout === null) yield () => this.#shipped(kernel);
    if (typesFrom !== 'dwarf' && typesFrom !== 'auto') return;
    if (kvmModule === null) yield () => search('kvm.ko', kernel, (path) => this.#moduleTypes(path, kernel));
    if (vmlinux === null) yield () => search('vmlinux', kernel, (path) => this.#vmlinuxTypes(path, kernel));
    if (!debuginfod) return;
    const fetched = (from: string | ByteSource) => this.#vmlinuxTypes(from, kernel);
    if (vmlinux === null) yield () => this.#fetched('vmlinux', kernel.buildId, fetched);
    if (kvmModule !== null) return;
    // The module's build-id is read with what is known by now.
    yield (found) => this.#fetched('kvm.ko', wanted.kvmBuildId(found), (from) => this.#moduleTypes(from, kernel));
  }

  #profile(path: string, kernel: KernelIdentity): TypeSource {
    const profile = parseProfile(textOf(path, 'a layout profile'), path);
    checkProfile(profile, path, kernel);
    return this.#typesOfProfile(profile, `layout profile ${path}`);
  }

  async #shipped(kernel: KernelIdentity): Promise<TypeSource | null> {
    const profile = await shippedProfile(kernel.release);
    if (profile === null || !isOf(profile, kernel)) {
      this.#lookup.looked.push(`a shipped profile of ${kernel.release} (build-id ${kernel.buildId ?? 'not known'})`);
      return null;
    }
    return this.#typesOfProfile(profile, `shipped layout profile of ${kernel.release}`);
  }

  #typesOfProfile(profile: Profile, name: string): TypeSource {
    this.modules.push({ name, buildId: profile.kvmBuildId });
    return new ProfileTypes(name, profile);
  }

  async #vmlinuxTypes(from: string | ByteSource, kernel: KernelIdentity): Promise<TypeSource> {
    return this.#lookup.types(await this.#lookup.vmlinux(from, kernel), 'task_struct');
  }

  async #moduleTypes(from: string | ByteSource, kernel: KernelIdentity): Promise<TypeSource> {
    const object = await this.#lookup.object(from, 'kvm.ko');
    checkModuleRelease(object, kernel.release, 'dump');
    const types = await this.#lookup.types(object, 'kvm');
    this.modules.push({ name: object.file.name, buildId: object.buildId });
    return types;
  }

  async #fetched(
    wanted: Wanted,
    buildId: string | null,
    open: (from: string | ByteSource) => Promise<TypeSource>,
  ): Promise<TypeSource | null> {
    if (buildId === null) {
      this.#lookup.looked.push(`debuginfod (the build-id of ${wanted} is not known)`);
      return null;
    }
    // The network's code is loaded only here.
    const { fetchDebuginfo, settingsOf } = await import('./debuginfod.js');
    const fetched = await fetchDebuginfo(buildId, settingsOf(process.env), this.#log);
    if (fetched !== null) return open(fetched);
    this.#lookup.looked.push(`debuginfod (${wanted}, build-id ${buildId})`);
    return null;
  }
}

/** A text file, whole. */
function textOf(path: string, wanted: string): string {
  const file = FileSource.open(path, `${wanted} is needed`);
  try {
    const text = plainText(Buffer.from(file.read(0, file.size, wanted).array()).toString('latin1'), path);
    return Buffer.from(text, 'latin1').toString('utf8');
  } finally {
    file.close();
  }
}
