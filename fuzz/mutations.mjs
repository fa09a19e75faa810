// SPDX-License-Identifier: Apache-2.0
// What is done to a file. Each gives the changes, as [offset, bytes], or a shorter length; and the structure it hits.
const u64 = (value) => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt.asUintN(64, value));
  return bytes;
};

/** A region's place: some have several pieces. */
const placeIn = (dice, region) => {
  const [start, end] = Array.isArray(region[0]) ? dice.pick(region) : region;
  return start + dice.below(end - start);
};

function flip(dice, { file }, at) {
  return [at, Buffer.from([file[at] ^ (1 << dice.below(8))])];
}

/** One to eight bits in one structure. */
function bits(dice, base, names) {
  const name = dice.pick(names.filter((each) => each in base.regions));
  const count = dice.pick([1, 1, 1, 2, 4, 8]);
  return {
    hit: name,
    changes: Array.from({ length: count }, () => flip(dice, base, placeIn(dice, base.regions[name]))),
  };
}

const LENGTHS = [0n, 1n, 0xffffffffn, 1n << 32n, 1n << 53n, 1n << 63n, (1n << 64n) - 1n, 4097n, 1n << 40n];

/** A word of a structure as no writer would set it. */
function words(dice, base, names) {
  const name = dice.pick(names.filter((each) => each in base.regions));
  const at = placeIn(dice, base.regions[name]) & ~7;
  const size = dice.pick([4, 8]);
  return { hit: name, changes: [[at, u64(dice.pick(LENGTHS)).subarray(0, size)]] };
}

/** Two descriptors, records or program headers in each other's place. */
function crossed(dice, { file, regions }) {
  const [name, size] = dice.pick(
    [
      ['descriptors', 24],
      ['program headers', 56],
    ].filter(([each]) => each in regions),
  );
  const [start, end] = regions[name];
  const count = Math.floor((end - start) / size);
  const [one, other] = [start + dice.below(count) * size, start + dice.below(count) * size];
  const field = dice.pick([
    [0, size],
    [0, 8],
    [8, 8],
  ]);
  const piece = (at) => file.subarray(at + field[0], at + field[0] + field[1]);
  return {
    hit: name,
    changes: [
      [one + field[0], piece(other)],
      [other + field[0], piece(one)],
    ],
  };
}

const cut = (dice, { file }) => ({ hit: 'tail', length: dice.below(file.length) });

/** Where a physical address is in a file whose pages stand as they are. */
function placeOf({ regions, frames }, address) {
  const index = frames.indexOf(Math.floor(address / 4096));
  return index < 0 ? null : regions.pages[0] + index * 4096 + (address % 4096);
}

/** Bytes of memory, where pages stand as they are. */
function memory(dice, base) {
  const [start, end] = base.regions.pages;
  // Half of them hit an entry of a page table that one of the answers reads.
  const entry = dice.below(2) === 0 ? placeOf(base, dice.pick(base.entries)) : null;
  const page =
    entry === null
      ? start + dice.below((end - start) / 4096) * 4096
      : start + Math.floor((entry - start) / 4096) * 4096;
  const kind = dice.below(entry === null ? 6 : 5);
  const at = entry ?? page + dice.below(512) * 8;
  const pointer = () =>
    Buffer.from(base.file.subarray(...((from) => [from, from + 8])(start + dice.below((end - start) / 8) * 8)));
  if (kind === 0) return { hit: 'memory', at: page, changes: [flip(dice, base, at + dice.below(8))] };
  if (kind === 1) return { hit: 'memory', at: page, changes: [[at, u64(dice.pick(LENGTHS))]] };
  // A pointer from elsewhere: cycles, crossings.
  if (kind === 2) return { hit: 'memory', at: page, changes: [[at, pointer()]] };
  if (kind === 3)
    return {
      hit: 'memory',
      at: page,
      changes: [[at, Buffer.from(base.file.subarray(page + dice.below(512) * 8)).subarray(0, 8)]],
    };
  // An entry of a table, or what looks like one, that leads to its own page or to another.
  if (kind === 4) {
    const frame = base.frames[dice.pick([(page - start) / 4096, dice.below(base.frames.length)])];
    return {
      hit: 'memory',
      at: page,
      changes: [[at, u64((BigInt(frame) << 12n) | dice.pick([0x67n, 0xe7n, 0x8000000000000067n, 0x166n]))]],
    };
  }
  // A whole page in another's place.
  const other = start + dice.below((end - start) / 4096) * 4096;
  return { hit: 'memory', at: page, changes: [[page, Buffer.from(base.file.subarray(other, other + 4096))]] };
}

const FRAME = [
  'header',
  'sub-header',
  'notes',
  'bitmap of memory',
  'bitmap of pages',
  'descriptors',
  'records',
  'program headers',
];

/** One mutant. `structural`: nothing that it changes is a byte of memory, so nothing excuses a wrong answer. */
export function mutate(dice, base) {
  const kind = dice.below(10);
  if (kind < 3) return { ...bits(dice, base, FRAME), structural: true };
  if (kind < 4) return { ...words(dice, base, FRAME), structural: true };
  if (kind < 5 && ('descriptors' in base.regions || 'program headers' in base.regions))
    return { ...crossed(dice, base), structural: true };
  if (kind < 6) return { ...cut(dice, base), structural: true };
  return base.plain === true
    ? { ...memory(dice, base), structural: false }
    : { ...bits(dice, base, ['pages']), structural: false };
}
