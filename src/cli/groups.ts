// SPDX-License-Identifier: Apache-2.0
// The options that commands have in common, by what they need.
import type { Command, Need } from '../commands/command.js';
import { chosen, file, flag, type Options, repeated, type Values, valued } from '../commands/options.js';
import type { BesideOptions } from '../debuginfo/beside.js';
import type { InputFormat } from '../dump/open.js';
import type { TypesFrom } from '../opening/outside.js';

const FORMATS: readonly [InputFormat, ...InputFormat[]] = ['auto', 'raw', 'lime'];
const FROM: readonly [TypesFrom, ...TypesFrom[]] = ['auto', 'btf', 'dwarf', 'layout'];

const inputFormat = chosen(
  'form',
  'what the file is, where it does not tell: raw is memory from address 0 on',
  FORMATS,
);

const core = (summary: string) => repeated('file', summary, { short: 'c', completes: 'file' });

/** Any dump. */
const image = {
  core: core('a dump of any kind that is read; again for each part of a split one'),
  inputFormat,
};

/** The dump of a host. */
const host = {
  core: core("the host's vmcore: ELF, kdump-compressed, flattened, LiME; again for each part of a split one"),
  inputFormat,
};

const vm = {
  process: valued(
    'pid|task|name|uuid',
    "the VM: the pid of a process that holds it (decimal, else hexadecimal), a task_struct's address, or the guest's name or UUID",
    { short: 'g' },
  ),
  vm: valued('fd|kvm', 'which VM of a process with several: its file descriptor, or the address of its struct kvm'),
};

/** Files beside the dump. */
const beside = {
  vmlinux: file("the kernel's vmlinux with debug information, of the same build"),
  kvmModule: file("the kernel's kvm.ko with debug information (kvm.ko.debug; .gz, .xz or .zst)"),
  systemMap: file("the kernel's System.map, for symbols that the dump lacks"),
  layout: file("a layout profile of the kernel ('kvm-vtop layout' writes them)"),
  vmcoreinfo: file('the text of VMCOREINFO, where the dump has none or a wrong one'),
  debugDir: repeated('folder', 'look for these files here first (can be given again)', { completes: 'folder' }),
  debuginfod: flag('fetch debug information by build-id from $DEBUGINFOD_URLS'),
  types: chosen('source', 'where structures come from: all that helps, or one kind of source alone', FROM),
};

const verbose = flag('on standard error: what was found where, and the time each step took', { short: 'v' });
const json = flag('one JSON object a line for each row (docs/output.md)');
const asCsv = flag('comma-separated values with a header');
const whatFile = flag('on standard error: what the file is', { short: 'v' });

export type ImageValues = Values<typeof image>;
export type BesideValues = Values<typeof beside>;

/** What each need adds in front of a command's own options, and after them. */
const GROUPS: Readonly<Record<Need, readonly [Options, Options]>> = {
  nothing: [{}, {}],
  files: [host, { ...beside, verbose }],
  image: [image, { verbose: whatFile }],
  host: [host, { ...beside, verbose }],
  vm: [
    { ...host, ...vm },
    { ...beside, verbose },
  ],
  vms: [
    { ...host, ...vm },
    { ...beside, verbose },
  ],
};

/** The options that several commands have, for a page that lists them once. */
export const commonGroups: readonly { readonly title: string; readonly options: Options }[] = [
  { title: 'The dump', options: host },
  { title: 'The VM', options: vm },
  { title: 'Files beside the dump', options: beside },
  { title: 'Other', options: { verbose, json } },
];

/** All options of a command, in the order of its help. */
export function optionsOf(command: Command): Options {
  const { needs, records, csv } = command;
  const [first, last] = GROUPS[needs];
  return {
    ...first,
    ...ownOptions(command),
    ...last,
    ...(records.length > 0 ? { json } : {}),
    ...(csv ? { csv: asCsv } : {}),
  };
}

/** The options that a command brings. */
export function ownOptions({ args, options }: Command): Options {
  const words =
    args?.option === undefined ? {} : { [args.option.name]: { ...args.option, ...WORDS, value: args.name } };
  return { ...words, ...options };
}

/** An option that takes the words of a command. */
const WORDS = { many: true, default: [] };

/** The files beside the dump, as they are given. */
export const besideOf = (values: BesideValues): BesideOptions => ({
  typesFrom: values.types,
  vmlinux: values.vmlinux,
  kvmModule: values.kvmModule,
  systemMap: values.systemMap,
  layout: values.layout,
  vmcoreinfo: values.vmcoreinfo,
  debugDirs: values.debugDir,
  debuginfod: values.debuginfod,
});
