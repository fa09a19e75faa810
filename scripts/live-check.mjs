// SPDX-License-Identifier: Apache-2.0
// Compares the answers of kvm-vtop from /proc/kcore with what the running kernel itself says (docs/live.md): root, on a KVM host.
//   node scripts/live-check.mjs -g NAME [--every N] [--group N] [--seconds N] [-- COMMAND of kvm-vtop…]
// Of every N-th page of the guest's memory (default: every page) it compares, in groups:
//   the HPA or the place in swap with /proc/PID/pagemap, which is what get_user_pages_remote finds (module gfn_to_pfn);
//   kpageflags and kpagecount with /proc/kpageflags and /proc/kpagecount;
//   gpaHpaFlags with the word of the hypercall gpa_hpa, computed from /proc/kpageflags.
// The kernel is asked before and after each group. Where it says the same both times, kvm-vtop must, too; where not, the page
// moved in between, and kvm-vtop must say one of the two, or that the page moved. Exit status 1: something differs.
import { execFileSync, spawn } from 'node:child_process';
import { closeSync, openSync, readSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const PAGE = 4096n;
/** Bits of the words of /proc/PID/pagemap (Documentation/admin-guide/mm/pagemap.rst). */
const [PRESENT, SWAPPED, PLACE] = [1n << 63n, 1n << 62n, (1n << 55n) - 1n];
/** Bits of /proc/kpageflags (include/uapi/linux/kernel-page-flags.h). */
const KPF = { mmap: 11n, head: 15n, tail: 16n, huge: 17n, ksm: 21n, thp: 22n };
/** Pages of a compound page of 1 GiB. */
const MOST_PAGES = 1 << 18;
const SHOWN = 10;

const parse = /** @type {(text: string) => unknown} */ (JSON.parse);

/**
 * The members of an answer that are compared (docs/output.schema.json).
 *
 * @typedef {object} Answer
 * @property {string} gpa
 * @property {string | null} hpa
 * @property {string} state
 * @property {{ type: number, offset: number } | null} swap
 * @property {{ kpageflags: string | null, kpagecount: number | null, huge: string | null, gpaHpaFlags: string | null } | null} [page]
 */
/** @typedef {{ gfn: bigint, hva: bigint }} Asked */

const { values, positionals } = parseArgs({
  options: {
    process: { type: 'string', short: 'g' },
    every: { type: 'string', default: '1' },
    group: { type: 'string', default: '64' },
    seconds: { type: 'string', default: 'Infinity' },
  },
  allowPositionals: true,
});
const command = positionals.length > 0 ? positionals : [fileURLToPath(new URL('../dist/cli.js', import.meta.url))];
const program = positionals.length > 0 ? (command[0] ?? '') : process.execPath;
const common = [...command.slice(positionals.length > 0 ? 1 : 0)];
const vm = ['-c', '/proc/kcore', ...(values.process === undefined ? [] : ['-g', values.process])];

/** A file of words of 64 bits, of which the kernel makes each when it is read. */
class Words {
  #descriptor;

  /** @param {string} path */
  constructor(path) {
    this.#descriptor = openSync(path, 'r');
  }

  /**
   * @param {bigint} index
   * @param {number} count
   */
  at(index, count = 1) {
    const bytes = Buffer.alloc(count * 8);
    const length = readSync(this.#descriptor, bytes, 0, bytes.length, index * 8n);
    return Array.from({ length: Math.floor(length / 8) }, (_, i) => bytes.readBigUInt64LE(i * 8));
  }

  /** @param {bigint} index */
  one(index) {
    return this.at(index)[0] ?? 0n;
  }

  close() {
    closeSync(this.#descriptor);
  }
}

/** @param {bigint} word @param {bigint} bit */
const has = (word, bit) => ((word >> bit) & 1n) === 1n;

const slots = execFileSync(program, [...common, 'slots', ...vm, '--json'], { encoding: 'utf8' })
  .split('\n')
  .filter((line) => line !== '')
  .map(
    (line) =>
      /** @type {{ pid: number, addressSpace: number, gpa: string, hva: string, size: number }} */ (parse(line)),
  )
  .filter(({ addressSpace }) => addressSpace === 0);
const [first] = slots;
if (first === undefined) throw new Error('the VM has no memslots');
const pagemap = new Words(`/proc/${first.pid}/pagemap`);
const flags = new Words('/proc/kpageflags');
const counts = new Words('/proc/kpagecount');

/** @type {Asked[]} */
const pages = slots.flatMap(({ gpa, hva, size }) =>
  Array.from({ length: size / 4096 }, (_, i) => ({
    gfn: BigInt(gpa) / PAGE + BigInt(i),
    hva: BigInt(hva) + BigInt(i) * PAGE,
  })),
);
const asked = pages.filter((_, i) => i % Number(values.every) === 0);

const child = spawn(program, [...common, ...vm, '--gfn', '-', '--json', '--facts', '-v'], {
  stdio: ['pipe', 'pipe', 'pipe'],
});
let notes = '';
child.stderr.on('data', (/** @type {Buffer} */ data) => {
  notes += data.toString();
});
const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();

/** @param {readonly Asked[]} group */
async function answersTo(group) {
  child.stdin.write(group.map(({ gfn }) => `${gfn.toString(16)}\n`).join(''));
  /** @type {Answer[]} */
  const answers = [];
  while (answers.length < group.length) {
    const value = /** @type {IteratorResult<string, undefined>} */ (await lines.next());
    if (value.done === true) throw new Error(`kvm-vtop ended early: ${notes}`);
    answers.push(/** @type {Answer} */ (parse(value.value)));
  }
  return answers;
}

/** What the kernel says of a page. @param {Asked} page */
function kernelOf({ hva }) {
  const word = pagemap.one(hva / PAGE);
  const place = word & PLACE;
  const frame = (word & PRESENT) === 0n ? null : place;
  const key = (word & (PRESENT | SWAPPED)) === 0n ? 'none' : `${word >> 62n} ${place}`;
  return {
    key,
    word,
    frame,
    flags: frame === null ? null : flags.one(frame),
    count: frame === null ? null : counts.one(frame),
  };
}
/** @typedef {ReturnType<typeof kernelOf>} Kernel */

/** Whether an answer is what pagemap says. @param {Answer} answer @param {Kernel} kernel */
function isPlace({ state, hpa, swap }, { word, frame }) {
  if (frame !== null) return state === 'mapped' && BigInt(hpa ?? 0) === frame * PAGE;
  // A migration entry is an entry of swap, too.
  if ((word & SWAPPED) !== 0n)
    return (
      state === 'migrating' ||
      (swap !== null && BigInt(swap.type) === (word & 31n) && BigInt(swap.offset) === (word & PLACE) >> 5n)
    );
  return state !== 'mapped' && state !== 'moved';
}

/** The word of the hypercall: bit 0, compound; bit 1, mapped; the order from bit 2 on. @param {bigint} frame @param {bigint} word */
function hypercallOf(frame, word) {
  const mapped = has(word, KPF.mmap) ? 2 : 0;
  if (!has(word, KPF.head) && !has(word, KPF.tail)) return mapped;
  let head = frame;
  while (has(flags.one(head), KPF.tail)) head--;
  let pages = 1;
  for (let step = 64, isWhole = true; isWhole; step = pages) {
    const next = flags.at(head + BigInt(pages), step).findIndex((each) => !has(each, KPF.tail));
    isWhole = next < 0 && pages < MOST_PAGES;
    pages += next < 0 ? step : next;
  }
  return 1 | mapped | (Math.min(Math.floor(Math.log2(pages)), 31) << 2);
}

/** @type {Map<string, number>} */
const sums = new Map();
/** @type {string[]} */
const differences = [];
/** @param {string} what */
const count = (what) => sums.set(what, (sums.get(what) ?? 0) + 1);
/** @param {string} what @param {boolean} agrees @param {() => string} text */
function compare(what, agrees, text) {
  count(`${what}: ${agrees ? 'agree' : 'DIFFER'}`);
  if (!agrees) differences.push(`${what}: ${text()}`);
}

/** @param {Answer} answer @param {Kernel} before @param {Kernel} after */
function compareOne(answer, before, after) {
  const said = () => `${JSON.stringify(answer)}; kernel: 0x${before.word.toString(16)}, 0x${after.word.toString(16)}`;
  if (before.key !== after.key) {
    count('moved in between');
    const isEither = answer.state === 'moved' || isPlace(answer, before) || isPlace(answer, after);
    // A page that moved twice can have been anywhere.
    count(isEither ? 'moved in between: one of the two, or said to have moved' : 'moved in between: something else');
    return;
  }
  if (answer.state === 'moved') {
    count('said to have moved, at the same place before and after');
    return;
  }
  count(`state ${answer.state}`);
  compare('pagemap', isPlace(answer, before), said);
  const { page } = answer;
  if (before.frame === null || before.flags === null || page == null) return;
  if (before.flags !== after.flags || before.count !== after.count) {
    count('flags or count changed in between');
    return;
  }
  // Linux 6.12 sets the bit of KSM on every anonymous page.
  const differ = (BigInt(page.kpageflags ?? 0) ^ before.flags) & ~(1n << KPF.ksm);
  compare('kpageflags', differ === 0n, () => `bits 0x${differ.toString(16)}; ${said()}`);
  compare('kpagecount', BigInt(page.kpagecount ?? -1) === before.count, () => `${before.count}; ${said()}`);
  const huge = has(before.flags, KPF.huge) ? 'hugetlb' : has(before.flags, KPF.thp) ? 'thp' : null;
  compare('gfn_to_pfn: huge page', page.huge === huge, () => `${huge}; ${said()}`);
  const word = hypercallOf(before.frame, before.flags);
  compare('gpa_hpa: flags', Number(page.gpaHpaFlags) === word, () => `0x${word.toString(16)}; ${said()}`);
}

const size = Number(values.group);
const start = performance.now();
let done = 0;
for (let at = 0; at < asked.length && performance.now() - start < Number(values.seconds) * 1000; at += size) {
  const group = asked.slice(at, at + size);
  done += group.length;
  const before = group.map(kernelOf);
  const answers = await answersTo(group);
  const after = group.map(kernelOf);
  answers.forEach((answer, i) => {
    compareOne(answer, /** @type {Kernel} */ (before[i]), /** @type {Kernel} */ (after[i]));
  });
}
const seconds = (performance.now() - start) / 1000;
child.stdin.end();
await new Promise((resolve) => child.on('close', resolve));
console.log(`pid ${first.pid}: ${done} of ${pages.length} pages, ${(done / seconds).toFixed(1)} a second`);
for (const [what, number] of [...sums].sort()) console.log(`${what}: ${number}`);
for (const line of notes.split(/[\r\n]/)) if (/^(.*\[K)?live:/.test(line)) console.log(line.replace(/^.*\[K/, ''));
for (const line of differences.slice(0, SHOWN)) console.log(line);
process.exitCode = differences.length > 0 ? 1 : 0;
