// SPDX-License-Identifier: Apache-2.0
// The options that commands share, by what the commands need.
import type { Command, Need } from '../commands/command.js';
import { chosen, file, flag, type Options, repeated, type Values, valued } from '../commands/options.js';
import type { BesideOptions } from '../debuginfo/beside-options.js';
import type { InputFormat } from '../dump/open.js';
import type { TypesFrom } from '../opening/outside.js';

const FORMATS: readonly [InputFormat, ...InputFormat[]] = ['auto', 'raw', 'lime'];
const FROM: readonly [TypesFrom, ...TypesFrom[]] = ['auto', 'btf', 'dwarf', 'layout'];

const inputFormat = chosen(
  'format',
  'format of the dump, if it is not recognised; raw is an image of memory from address 0',
  FORMATS,
);

const core = (summary: string) => repeated('file', summary, { short: 'c', completes: 'file' });

const guest = repeated(
  'vm',
  'take the memory of this VM for the dump: the pid or task_struct of its process, its name, UUID or struct kvm; a second --guest is a VM in that guest',
);

/** A dump of any kind. */
const image = {
  core: core('a dump in any supported format; repeat -c for each part of a split dump'),
  inputFormat,
  guest,
};

/** The dump of a host. */
const host = {
  core: core(
    "the host's vmcore: ELF, kdump-compressed, flattened or LiME; or /proc/kcore, this host (docs/live.md); repeat -c for each part of a split dump",
  ),
  inputFormat,
  guest,
};

const vm = {
  process: valued(
    'pid|task|name|uuid',
    "the VM: the pid of a process that holds it (decimal, or else hexadecimal), the address of the task_struct of that process, or the guest's name or UUID if the dump has QEMU's command line",
    { short: 'g' },
  ),
  vm: valued('fd|kvm', 'which VM, if the process holds several: its file descriptor, or the address of its struct kvm'),
};

const process = {
  process: valued(
    'pid|task',
    'the process: the pid of any of its threads (decimal, or else hexadecimal), or the address of a task_struct',
    { short: 'g' },
  ),
};

/** For commands that answer of a machine: a guest can take its place. */
const inGuest = {
  process: valued('vm', 'a guest instead of the host, chosen as with --guest', { short: 'g' }),
};

/** Files in addition to the dump. */
const beside = {
  vmlinux: file('vmlinux of the same kernel build, with debug information'),
  kvmModule: file('kvm.ko of the same kernel build, with debug information (kvm.ko.debug; also .gz, .xz, .zst)'),
  systemMap: file('System.map of the same kernel build, for symbols that the dump lacks'),
  layout: file("a layout profile of the same kernel build, written by 'kvm-vtop layout'"),
  vmcoreinfo: file('a file with the text of VMCOREINFO, if that of the dump is missing or wrong'),
  debugDir: repeated('folder', 'search this folder first for files with debug information; can be repeated', {
    completes: 'folder',
  }),
  debuginfod: flag('download debug information by build-id from the servers in $DEBUGINFOD_URLS'),
  types: chosen(
    'source',
    'source of the layouts of structures: auto uses every source available, the others only one kind',
    FROM,
  ),
};

/** What is searched for files, for many dumps. */
const searched = { debugDir: beside.debugDir, debuginfod: beside.debuginfod, types: beside.types };

/** For commands that read the state of vCPUs. */
const kvmAmdModule = file(
  'kvm-amd.ko of the same kernel build, with debug information, if the dump does not have its types',
);
const besideVcpus = { ...beside, kvmAmdModule };

const verbose = flag('report on standard error what was found, where, and how long each step took', { short: 'v' });
const quiet = flag('do not report progress or totals on standard error', { short: 'q' });
const noCache = flag('do not use the caches in the cache folder of the user, nor write to them');
const json = flag('print JSON, one object per line (docs/output.md)');
const asCsv = flag('print comma-separated values, with a header line', { excludes: ['json'] });
const whatFile = flag('report on standard error what the file is', { short: 'v' });

export type ImageValues = Values<typeof image>;
export type BesideValues = Values<typeof beside> & Partial<Values<typeof besideVcpus>>;

/** For each need, the options that it adds before a command's own options, and those it adds after them. */
const GROUPS: Readonly<Record<Need, readonly [Options, Options]>> = {
  nothing: [{}, {}],
  files: [host, { ...besideVcpus, verbose, quiet, noCache }],
  many: [{ inputFormat }, { ...searched, verbose, quiet, noCache }],
  image: [image, { verbose: whatFile, quiet, noCache }],
  host: [host, { ...beside, verbose, quiet, noCache }],
  log: [
    { ...host, ...inGuest },
    { ...beside, verbose, quiet, noCache },
  ],
  owners: [host, { ...beside, verbose, quiet, noCache }],
  process: [
    { ...host, ...process },
    { ...beside, verbose, quiet, noCache },
  ],
  vm: [
    { ...host, ...vm },
    { ...beside, verbose, quiet, noCache },
  ],
  vms: [
    { ...host, ...vm },
    { ...beside, verbose, quiet, noCache },
  ],
  vcpus: [
    { ...host, ...vm },
    { ...besideVcpus, verbose, quiet, noCache },
  ],
};

/** The shared options, for the man page, which lists them once. */
export const commonGroups: readonly { readonly title: string; readonly options: Options }[] = [
  { title: 'The dump', options: host },
  { title: 'The VM', options: vm },
  { title: 'Other files', options: beside },
  { title: 'Other files for vCPUs', options: { kvmAmdModule } },
  { title: 'Output', options: { verbose, quiet, json, csv: asCsv } },
  { title: 'Caches', options: { noCache } },
];

const OPENING: Options = { ...host, ...beside, verbose, quiet, noCache };

/** Whether an option says how a dump is opened. After `--`, a command works on a dump that is already open. */
export const opens = (name: string): boolean => name in OPENING;

/** All options of a command, in the order of its help. */
export function optionsOf(command: Command): Options {
  const { needs, records, csv } = command;
  const [first, last] = GROUPS[needs];
  return {
    ...first,
    ...ownOptions(command),
    ...last,
    // What is printed of many dumps is always JSON.
    ...(records.length > 0 && needs !== 'many' ? { json } : {}),
    ...(csv ? { csv: asCsv } : {}),
  };
}

/** The options that only this command has. */
export function ownOptions({ args, options }: Command): Options {
  const words =
    args?.option === undefined ? {} : { [args.option.name]: { ...args.option, ...WORDS, value: args.name } };
  return { ...words, ...options };
}

/** The rest of the definition of an option that takes the words of a command. */
const WORDS = { many: true, default: [] };

/** The values of these options, in the form that opening a dump takes. */
export const besideOf = (values: BesideValues): BesideOptions => ({
  typesFrom: values.types,
  vmlinux: values.vmlinux,
  kvmModule: values.kvmModule,
  kvmAmdModule: values.kvmAmdModule ?? null,
  systemMap: values.systemMap,
  layout: values.layout,
  vmcoreinfo: values.vmcoreinfo,
  debugDirs: values.debugDir,
  debuginfod: values.debuginfod,
});
