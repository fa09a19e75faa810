// SPDX-License-Identifier: Apache-2.0
import { type Command, InvalidArgumentError, Option } from 'commander';
import { UsageError } from '../core/errors.js';
import { parseAddress } from '../core/text.js';
import type { BesideOptions } from '../debuginfo/beside.js';
import type { InputFormat } from '../dump/open.js';
import { fileExists } from '../io/cache-folder.js';
import type { TypesFrom } from '../opening/outside.js';

/** Which dump, and how it is read. */
export interface CoreOptions {
  readonly core: readonly string[];
  readonly inputFormat: InputFormat;
}

/** Options of every command that opens a host. */
export interface DumpOptions extends CoreOptions {
  readonly types: TypesFrom;
  readonly vmlinux?: string;
  readonly kvmModule?: string;
  readonly systemMap?: string;
  readonly layout?: string;
  readonly vmcoreinfo?: string;
  readonly debugDir: readonly string[];
  readonly debuginfod?: boolean;
  readonly verbose?: boolean;
}

/** Options of every command that asks for addresses. */
export interface AskOptions extends DumpOptions {
  readonly process?: string;
  readonly physical?: readonly string[];
  readonly vm?: string;
  readonly addressSpace: number;
}

export function asking(command: Command): Command {
  coreOptions(command, "the host's vmcore: ELF, kdump-compressed, flattened, LiME; again for each part of a split one")
    .option(
      '-g, --process <pid|task>',
      'the process that holds the VM: a pid (decimal, else hexadecimal) or a task_struct address',
    )
    .option(
      '-p, --physical <address...>',
      'guest physical addresses, hexadecimal; - reads one a line from standard input',
    )
    .option(
      '--vm <fd|kvm>',
      'which VM of a process with several: its file descriptor, or the address of its struct kvm',
    )
    .option('--address-space <number>', "KVM's address space: 0 the ordinary one, 1 that of SMM", spaceNumber, 0);
  return besideOptions(command)
    .option('-v, --verbose', 'on standard error: what was found where, and the time each step took')
    .argument('[address...]', 'more addresses');
}

const FORMATS: readonly InputFormat[] = ['auto', 'raw', 'lime'];

export function coreOptions(command: Command, core: string): Command {
  return command
    .addOption(new Option('-c, --core <file>', core).argParser(gather).default([], 'none'))
    .addOption(
      new Option('--input-format <form>', 'what the file is, where it does not tell: raw is memory from address 0 on')
        .choices(FORMATS)
        .default('auto'),
    );
}

const FROM: readonly TypesFrom[] = ['auto', 'btf', 'dwarf', 'layout'];

export function besideOptions(command: Command): Command {
  return command
    .option('--vmlinux <file>', "the kernel's vmlinux with debug information, of the same build")
    .option('--kvm-module <file>', "the kernel's kvm.ko with debug information (kvm.ko.debug; .gz, .xz or .zst)")
    .option('--system-map <file>', "the kernel's System.map, for symbols that the dump lacks")
    .option('--layout <file>', "a layout profile of the kernel ('kvm-vtop layout' writes them)")
    .option('--vmcoreinfo <file>', 'the text of VMCOREINFO, where the dump has none or a wrong one')
    .addOption(
      new Option('--debug-dir <folder>', 'look for these files here first (can be given again)')
        .argParser(gather)
        .default([], 'none'),
    )
    .option('--debuginfod', 'fetch debug information by build-id from $DEBUGINFOD_URLS')
    .addOption(
      new Option('--types <source>', 'where structures come from: all that helps, or one kind of source alone')
        .choices(FROM)
        .default('auto'),
    );
}

const gather = (folder: string, before: readonly string[]): string[] => [...before, folder];

function spaceNumber(text: string): number {
  if (!/^[0-9]{1,3}$/.test(text)) throw new InvalidArgumentError('0 is the ordinary one, 1 that of SMM.');
  return Number(text);
}

export function needed<T>(value: T | undefined, problem: string): T {
  if (value === undefined) throw new UsageError(problem);
  return value;
}

export function coreOf({ core }: CoreOptions, words: readonly string[] = []): readonly string[] {
  if (core.length > 0) return core;
  const file = words.find((word) => parseAddress(word) === null && fileExists(word));
  if (file !== undefined) throw new UsageError(`-c is missing: a dump is named by an option: -c ${file}`);
  throw new UsageError("-c is missing: the host's vmcore; see --help");
}

/** Words that are not addresses, told by what they are taken for. */
export function checkWords(words: readonly string[], commands: readonly string[]): void {
  const wrong = words.find((word) => word !== '-' && parseAddress(word) === null);
  if (wrong === undefined) return;
  if (commands.includes(wrong))
    throw new UsageError(
      `the command '${wrong}' comes first: kvm-vtop ${wrong} -c DUMP …; see kvm-vtop ${wrong} --help`,
    );
  if (/^[a-z][a-z-]+$/.test(wrong))
    throw new UsageError(
      `'${wrong}' is neither a command (${commands.join(', ')}) nor a hexadecimal address; see kvm-vtop --help`,
    );
}

/** How the dump is read. */
export const inputOf = ({ inputFormat }: CoreOptions): { inputFormat: InputFormat } => ({ inputFormat });

/** The files beside the dump. */
export const besideOf = (options: DumpOptions): BesideOptions => ({
  typesFrom: options.types,
  vmlinux: options.vmlinux ?? null,
  kvmModule: options.kvmModule ?? null,
  systemMap: options.systemMap ?? null,
  layout: options.layout ?? null,
  vmcoreinfo: options.vmcoreinfo ?? null,
  debugDirs: options.debugDir,
  debuginfod: options.debuginfod ?? false,
});

/** Those of them that are read. */
export const filesOf = ({ vmlinux, kvmModule, systemMap, layout, vmcoreinfo }: BesideOptions): string[] =>
  [vmlinux, kvmModule, systemMap, layout, vmcoreinfo].filter((path) => path !== null);
