// SPDX-License-Identifier: Apache-2.0
// What the kernel of a recorded host said of each page of its VMs (pages.txt.gz of a fixture; fixtures/README.md).
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

const PAGE = 4096;

/** Pages that follow each other, and what the kernel said of them. Addresses are exact: they are below 2^53. */
interface Stretch {
  readonly gpa: number;
  readonly hva: number;
  readonly pages: number;
  readonly words: readonly string[];
}

/** An address space of a VM; `choice`: the options that select it. */
export interface Space {
  readonly name: string;
  readonly choice: readonly string[];
  readonly addressSpace: number;
  readonly stretches: Stretch[];
}

/** A line `run` of map. */
export interface Run {
  readonly record: 'run';
  readonly kvm: string;
  readonly slot: number;
  readonly gpa: string;
  readonly size: number;
  readonly hva: string;
  readonly hpa: string | null;
  readonly state: string;
  readonly reason: string | null;
  readonly pageSize: number | null;
  readonly protNone: boolean;
  readonly frame: string | null;
  readonly swap: { readonly type: number; readonly offset: number; readonly device: string | null } | null;
  readonly node: number | null;
}

const hex = (text: string): number => Number.parseInt(text, 16);

/** The pages of the VMs of a fixture, and the device of each swap area. */
export function knownPages(folder: string): { spaces: Space[]; devices: Map<number, string> } {
  const spaces: Space[] = [];
  const devices = new Map<number, string>();
  const lines = gunzipSync(readFileSync(join(folder, 'pages.txt.gz')))
    .toString('latin1')
    .trimEnd()
    .split('\n');
  for (const line of lines) {
    const [first = '', second = '', third = '', ...rest] = line.split(' ');
    if (first === 'SWAP') devices.set(Number(second), third);
    else if (first === 'VM') {
      const [vm = '', space = ''] = rest;
      const choice = ['-g', third, ...(vm === '-' ? [] : ['--vm', vm])];
      spaces.push({ name: second, choice, addressSpace: Number(space), stretches: [] });
    } else spaces.at(-1)?.stretches.push({ gpa: hex(first), hva: hex(second), pages: Number(third), words: rest });
  }
  return { spaces, devices };
}

/** What the kernel said of page `i` of a stretch is what a run says of its page `j`: else what is wrong. */
function wrong(stretch: Stretch, i: number, run: Run, j: number, devices: ReadonlyMap<number, string>): string {
  const [state, ...words] = stretch.words;
  const hva = stretch.hva + i * PAGE;
  if (hex(run.hva) + j * PAGE !== hva) return `hva should be ${hva.toString(16)}`;
  if (run.state !== state) return `state should be ${state}`;
  if (state === 'mapped') return wrongPlace(words, i, run, j);
  if (run.hpa !== null || run.pageSize !== null || run.node !== null || run.protNone)
    return 'not mapped, but has a place';
  if (state === 'swapped') {
    const [type, offset] = [Number(words[0]), hex(words[1] as string) + i];
    const is = run.swap;
    if (is?.type !== type || is.offset + j !== offset) return `swap should be ${type} ${offset}`;
    return is.device === devices.get(type) ? '' : `the device should be ${devices.get(type)}`;
  }
  // The kernel's pagemap does not show where shared memory is in swap.
  if (run.swap !== null && run.reason !== 'shmem-swapped') return 'not swapped, but has a place in swap';
  const frame = words[0] === undefined ? null : hex(words[0]) + i;
  return frame === null || (run.frame !== null && hex(run.frame) + j === frame) ? '' : `frame should be ${frame}`;
}

function wrongPlace([sizes, protNone, node, place]: readonly string[], i: number, run: Run, j: number): string {
  const hpa = hex(place as string) + i * PAGE;
  if (run.hpa === null || hex(run.hpa) + j * PAGE !== hpa) return `hpa should be ${hpa.toString(16)}`;
  if (sizes?.split(',').includes(`${run.pageSize}`) !== true) return `pageSize should be ${sizes}`;
  if (protNone !== '?' && run.protNone !== (protNone === 'yes')) return `protNone should be ${protNone}`;
  return node === '?' || `${run.node ?? '-'}` === node ? '' : `node should be ${node}`;
}

/** The first pages of which the runs do not say what the kernel said; empty if there are none. */
export function differences(
  runs: readonly Run[],
  stretches: readonly Stretch[],
  devices: ReadonlyMap<number, string>,
): string[] {
  const found: string[] = [];
  const pages = stretches.flatMap((stretch) => Array.from({ length: stretch.pages }, (_, i) => ({ stretch, i })));
  let at = 0;
  for (const run of runs)
    for (let j = 0; j < run.size / PAGE; j++) {
      const gpa = hex(run.gpa) + j * PAGE;
      const page = pages[at++];
      const right = page === undefined ? -1 : page.stretch.gpa + page.i * PAGE;
      const fault =
        page === undefined || right !== gpa
          ? `page ${right.toString(16)} should follow`
          : wrong(page.stretch, page.i, run, j, devices);
      if (fault !== '') found.push(`${gpa.toString(16)}: ${fault}, is ${JSON.stringify(run)} + ${j}`);
      if (found.length === 5) return found;
    }
  return at === pages.length ? found : [...found, `${pages.length - at} pages are in no run`];
}

/** Whether two runs could be one. */
export function joins(a: Run, b: Run): boolean {
  const isNext = (one: string | null, other: string | null, step: number): boolean =>
    one === null ? other === null : other !== null && hex(one) + step === hex(other);
  return (
    isNext(a.gpa, b.gpa, a.size) &&
    isNext(a.hpa, b.hpa, a.size) &&
    isNext(a.frame, b.frame, a.size / PAGE) &&
    (['slot', 'state', 'reason', 'pageSize', 'protNone', 'node'] as const).every((member) => a[member] === b[member]) &&
    (a.swap === null || (b.swap?.type === a.swap.type && a.swap.offset + a.size / PAGE === b.swap.offset))
  );
}
