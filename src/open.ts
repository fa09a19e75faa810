// SPDX-License-Identifier: Apache-2.0
import { loadKernelCodecs } from './codecs/index.js';
import { changed, UsageError } from './core/errors.js';
import type { KeptAnswers } from './core/kept.js';
import type { Log } from './core/log.js';
import { silentLog } from './core/log.js';
import type { FrameSource } from './core/memory.js';
import { printable } from './core/text.js';
import { Beside } from './debuginfo/beside.js';
import type { BesideOptions } from './debuginfo/beside-options.js';
import { BuildHints } from './debuginfo/build-hints.js';
import { describeObjects, type ModuleFile } from './debuginfo/describe.js';
import { DumpRecord } from './debuginfo/dump-record.js';
import type { DumpImage } from './dump/image.js';
import { type InputFormat, openImage as imageOf } from './dump/open.js';
import { PhysicalMemory } from './dump/physical.js';
import { FileSource } from './io/file-source.js';
import { FileStates } from './io/file-state.js';
import type { Host, KernelIdentity } from './kernel/host.js';
import { HOST_NEEDS, type KernelNeeds, LOG_NEEDS, type NeededModule } from './kernel/needs.js';
import { KVM_AMD, KVM_MODULE, KVM_NEEDS, OWNER_NEEDS, VCPU_NEEDS } from './kvm/needs.js';
import { type Selected, selectByWord } from './kvm/select.js';
import type { Builds, DumpBuilds, StatedBuild } from './opening/builds.js';
import { moduleBuildId } from './opening/module-build.js';
import { openHostWith } from './opening/open-host.js';
import type { KnownBtf } from './types/btf-record.js';
import type { DescribedKernel } from './types/profile.js';
import { describes } from './types/source.js';

export { loadKernelCodecs };

/** An opened dump: its physical memory and its kernel. */
export interface OpenDump extends OpenImage {
  readonly host: Host;
}

/** Options for reading the files of a dump, and for reading the host of a guest in it. */
export interface ImageOptions extends FileOptions {
  /**
   * Opens the memory of a guest in the place of the machine's: the VM by the pid of its process, the address of that
   * process's task_struct or of the struct kvm, or by its name or UUID. A second one is a VM in that guest, and so on.
   */
  readonly guests?: readonly string[];
  /** Files with symbols and types that are not in the dump. */
  readonly beside?: Partial<BesideOptions>;
}

/** Options for opening the dump of a host; each has a default. */
export interface DumpOptions extends ImageOptions {
  /**
   * What is needed of the dump: VMs (`kvm`, the default); VMs and the registers of their vCPUs (`vcpus`), for which files
   * are searched if the dump of an AMD host does not have all types; only processes and their memory (`host`), which
   * works on a host without KVM too; these, and VMs if the host has KVM (`owners`); or only the kernel's log (`log`), for which no types are needed.
   */
  readonly needs?: 'host' | 'owners' | 'kvm' | 'vcpus' | 'log';
}

/** Options for opening the dump of a host, with a hook for tests and recordings. */
export interface OpenOptions extends DumpOptions, Remembered {
  /** Returns the frames that the kernel is read from: `image`, or a wrapper that records what is read. */
  readonly watch?: (image: DumpImage) => FrameSource;
}

/** What other dumps have taught. */
interface Remembered {
  /** What this process has learned of the builds of kernels, and a name for this dump, which no other has. */
  readonly learned?: { readonly builds: Builds; readonly dump: string };
  /** Whether what is learned of the builds of kernels is kept in the user's cache folder for other runs. */
  readonly keeps?: boolean;
  /**
   * What tells this build of the program from others: then what the kernel of this dump says of its symbols and types is kept, too. A process
   * that reads many dumps (`learned`) does not keep it.
   */
  readonly program?: string | null;
}

/** Options for reading the files of a dump. */
export interface FileOptions {
  /** Receives warnings and findings; by default they are discarded (`silentLog`). */
  readonly log?: Log;
  /** The format, for a file that does not identify it: `raw` is physical memory from address 0 on. */
  readonly inputFormat?: InputFormat;
}

/** An opened dump: its physical memory, without the kernel in it. */
export interface OpenImage {
  readonly image: DumpImage;
  readonly memory: PhysicalMemory;
  /** The VMs whose memory was opened, each in that of the one before: the first is one of the machine. */
  readonly guests: readonly Selected[];
  /** Closes the files. */
  readonly close: () => void;
}

/**
 * Opens the files of a dump: one, or all parts of a split dump. Throws `DumpError` if they are not a dump of a known
 * format. Damage that does not prevent reading is a warning.
 */
export function openImage(
  paths: string | readonly string[],
  options: ImageOptions & Remembered = {},
): Promise<OpenImage> {
  return openFiles(paths, statesOf(paths, options), options);
}

/** `states`: those of the files before they are opened, since another file can take the place of one. */
async function openFiles(
  paths: string | readonly string[],
  states: FileStates | null,
  options: ImageOptions & Remembered,
): Promise<OpenImage> {
  const { log = silentLog, inputFormat = 'auto' } = options;
  const files: FileSource[] = [];
  const onRead = (): void => {
    log.tick();
  };
  const close = (): void => {
    for (const file of files.splice(0)) file.close();
  };
  try {
    for (const path of typeof paths === 'string' ? [paths] : paths) files.push(FileSource.open(path));
    const machine = await imageOf(files, { format: inputFormat, onRead });
    for (const problem of machine.problems) log.warn(problem.message, problem);
    const { image, guests } = await openGuests(machine, states, options);
    return { image, memory: new PhysicalMemory(image), guests, close };
  } catch (error) {
    close();
    throw error;
  }
}

/**
 * The memory of the guest in a machine, or in the guest of a machine, and so on; the machine's if there are no guests. Files
 * that the user names are of the innermost kernel, so that those of the others are only searched for. Throws `DumpError` if
 * the kernel of a host can't be read, and `UsageError` if it does not have the VM.
 */
async function openGuests(
  machine: DumpImage,
  files: FileStates | null,
  options: ImageOptions & Remembered,
): Promise<Pick<OpenImage, 'image' | 'guests'>> {
  const { guests: words = [], log = silentLog, beside = {} } = options;
  if (words.length === 0) return { image: machine, guests: [] };
  let image = machine;
  const guests: Selected[] = [];
  const { debugDirs, debuginfod } = beside;
  const { guestImage } = await import('./spaces/guest-image.js');
  // A page of a guest can be in compressed swap.
  await loadKernelCodecs();
  for (const word of words) {
    const outside = new Beside({ ...(debugDirs && { debugDirs }), ...(debuginfod && { debuginfod }) }, log);
    const builds = new KnownBuilds(options, image, files, words.slice(0, guests.length));
    try {
      const host = await openHostWith(image, image, { log, needs: KVM_NEEDS, outside, builds });
      const guest = selectByWord(host, word);
      guests.push(guest);
      builds.save();
      image = guestImage(guest, `${image.name}, guest ${printable(word)}`);
    } catch (error) {
      throw error instanceof UsageError && error.argument === 'process' ? changed(error, { argument: 'guest' }) : error;
    } finally {
      outside.close();
    }
    for (const problem of image.problems) log.warn(`${image.name}: ${problem.message}`, problem);
  }
  return { image, guests };
}

/**
 * Opens the dump of a host. Throws `DumpError` if the file is not a dump, or if its kernel cannot be read; the error
 * says what is missing.
 */
export async function openDump(paths: string | readonly string[], options: OpenOptions = {}): Promise<OpenDump> {
  const { log = silentLog } = options;
  const watch = options.watch ?? ((image: DumpImage): FrameSource => image);
  const beside = new Beside(options.beside ?? {}, log);
  const files = statesOf(paths, options);
  const opened = await openFiles(paths, files, options);
  const { image } = opened;
  const builds = new KnownBuilds(options, image, files, options.guests ?? []);
  const close = (): void => {
    beside.close();
    opened.close();
  };
  try {
    const host = await openHostWith(image, watch(image), { log, needs: needsOf(options), outside: beside, builds });
    // What is found later, for an answer, is kept as well.
    const closeAndSave = (): void => {
      builds.save();
      close();
    };
    return { image, memory: opened.memory, guests: opened.guests, host, close: closeAndSave };
  } catch (error) {
    close();
    throw error;
  }
}

/**
 * What tells the files of a dump from all others, also from what they were before they were last written to; null if that is not needed,
 * or one of them has just been removed.
 */
function statesOf(paths: string | readonly string[], { keeps = false }: Remembered): FileStates | null {
  try {
    return keeps ? new FileStates(typeof paths === 'string' ? [paths] : paths) : null;
  } catch {
    return null;
  }
}

/** What is known of the builds of a dump's kernels, and what is kept of it for other runs. */
class KnownBuilds implements DumpBuilds {
  readonly #learned: Pick<DumpBuilds, 'btf'> | null;
  readonly #files: FileStates | null;
  readonly #dump: string;
  readonly #program: string | null;
  readonly #log: Log;
  #hints: BuildHints | null = null;
  #record: DumpRecord | null = null;

  /** `files`: null if nothing is kept for other runs. `guests`: the words that choose a guest in the dump, which is another dump. */
  constructor(
    { learned, program = null, inputFormat, log = silentLog }: ImageOptions & Remembered,
    image: DumpImage,
    files: FileStates | null,
    guests: readonly string[],
  ) {
    this.#learned = learned?.builds.for(`${learned.dump} ${image.name}`) ?? null;
    this.#log = log;
    this.#files = files;
    this.#dump = [image.reader.description, ...(files?.texts ?? []), ...guests].join('\n');
    // Raw memory can be that of a guest that runs: what it writes to a file that is mapped does not change the time of modification.
    const isFixed = files?.areTelling === true && inputFormat !== 'raw';
    this.#program = isFixed && learned === undefined ? program : null;
  }

  btf(kernel: KernelIdentity): KnownBtf | null {
    return this.#learned?.btf(kernel) ?? null;
  }

  hints(kernel: StatedBuild): BuildHints | null {
    if (this.#files === null) return null;
    const hints = BuildHints.of(kernel, this.#dump);
    if (hints?.hasNothing === false)
      this.#log.found(`record of the kernel's build: ${hints.path}${hints.isEmpty ? ', only its symbols' : ''}`);
    this.#hints = hints;
    return hints;
  }

  answers(kernel: StatedBuild): KeptAnswers | null {
    this.#record = this.#program === null ? null : DumpRecord.of(kernel, this.#dump, this.#program);
    if (this.#record?.isEmpty === false) this.#log.found(`record of the dump: ${this.#record.path}`);
    return this.#record?.answers ?? null;
  }

  save(): void {
    this.#hints?.save(this.#log);
    if (this.#files?.areSame === true) this.#record?.save(this.#log);
  }
}

/** A module file that the user names is always read, so that its build is checked. */
function needsOf({ needs = 'kvm', beside }: OpenOptions): KernelNeeds {
  if (needs === 'vcpus') return VCPU_NEEDS;
  if (needs === 'kvm') return KVM_NEEDS;
  if (needs === 'owners') return OWNER_NEEDS;
  if (needs === 'log') return LOG_NEEDS;
  return beside?.kvmModule == null ? HOST_NEEDS : { ...HOST_NEEDS, modules: [KVM_MODULE] };
}

/** Types and identity of the kernel in a dump, for a layout profile. */
export async function describeDump(path: string | readonly string[], options: OpenOptions): Promise<DescribedKernel> {
  const { host, close } = await openDump(path, { ...options, needs: 'vcpus' });
  const { memory, symbols, identity } = host;
  const { release, version, buildId } = identity;
  const types = host.typesOf(KVM_AMD);
  const idOf = ({ name }: NeededModule): string | null => moduleBuildId(memory, symbols.table, host.types, name);
  const kernel = {
    release,
    version,
    buildId,
    kvmBuildId: idOf(KVM_MODULE),
    kvmAmdBuildId: describes(types, KVM_AMD.marker) ? idOf(KVM_AMD) : null,
    source: types.source,
  };
  return { types, identity: kernel, close };
}

/** The files of a kernel and of modules of the same build; null for a module that is built in. */
export interface DescribedFiles {
  readonly vmlinux: string;
  readonly kvmModule: string | null;
  readonly kvmAmdModule: string | null;
}

/** The same from files, without a dump. */
export function describeFiles(files: DescribedFiles, log: Log): Promise<DescribedKernel> {
  const { vmlinux, kvmModule, kvmAmdModule } = files;
  const modules = [
    { path: kvmModule, is: KVM_MODULE },
    { path: kvmAmdModule, is: KVM_AMD },
  ].filter((module): module is ModuleFile => module.path !== null);
  return describeObjects({ vmlinux, modules }, VCPU_NEEDS, log);
}
