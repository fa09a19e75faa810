// SPDX-License-Identifier: Apache-2.0
/** @import { IConfiguration, IForbiddenRuleType } from 'dependency-cruiser' */

// The rooms of docs/architecture.md and what each may import. The directions are not written down anywhere else.
/** @type {Record<string, string[]>} */
const MAY_IMPORT = {
  core: [],
  io: ['core'],
  codecs: ['core'],
  headers: ['core'],
  elf: ['core', 'codecs', 'headers'],
  dump: ['core', 'codecs', 'elf', 'headers'],
  notes: ['core', 'elf'],
  paging: ['core'],
  symbols: ['core', 'elf'],
  types: ['core', 'elf'],
  kernel: ['core', 'notes', 'paging', 'symbols', 'types'],
  opening: ['core', 'dump', 'elf', 'notes', 'paging', 'symbols', 'types', 'kernel'],
  layouts: ['types'],
  debuginfo: ['core', 'io', 'codecs', 'elf', 'symbols', 'types', 'kernel', 'opening', 'layouts'],
  pages: ['core', 'types', 'kernel'],
  kvm: ['core', 'paging', 'types', 'kernel'],
  caches: ['core', 'types', 'kernel', 'codecs'],
  spaces: ['core', 'elf', 'dump', 'paging', 'kernel', 'kvm', 'caches'],
  owners: ['core', 'paging', 'types', 'kernel', 'pages', 'kvm', 'spaces'],
  translate: ['core', 'kernel', 'kvm', 'spaces'],
  write: ['core', 'io', 'codecs', 'elf', 'dump/layout'],
  search: ['core'],
  scan: ['core', 'io', 'write'],
  queue: ['core', 'io', 'write', 'scan'],
  report: ['core'],
  html: ['core', 'report'],
  // These run in a browser.
  browser: [],
  picture: ['core', 'report', 'html/format', 'browser'],
  'report-page': ['report', 'html/report-format', 'browser'],
  commands: [
    'core',
    'io',
    'codecs',
    'elf',
    'dump',
    'notes',
    'paging',
    'symbols',
    'types',
    'kernel',
    'opening',
    'pages',
    'kvm',
    'caches',
    'spaces',
    'owners',
    'translate',
    'write',
    'search',
    'scan',
    'queue',
    'report',
    'html',
  ],
  library: ['core', 'dump', 'pages', 'kvm', 'spaces', 'owners', 'commands', 'open'],
  cli: ['core', 'io', 'codecs', 'debuginfo', 'dump', 'opening', 'scan', 'report', 'types', 'commands', 'open'],
};
/** Rooms that may touch files; the entry points may too. */
const FILES = '^src/(io|write|scan|queue|cli)/';

/** @type {IForbiddenRuleType[]} */
const rooms = Object.entries(MAY_IMPORT).map(([room, below]) => ({
  name: `${room}-imports`,
  severity: 'error',
  comment: 'docs/architecture.md, Rooms',
  from: { path: `^src/${room}/` },
  to: {
    path: '^src/',
    pathNot: `^src/(${[room, ...below].join('|')})[/.]`,
    // A report shows results of other rooms: it may import their types, but nothing else.
    ...(room === 'report' ? { dependencyTypesNot: ['type-only'] } : {}),
  },
}));

/** @satisfies {IConfiguration} */
const config = {
  forbidden: [
    {
      name: 'no-cycles',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    ...rooms,
    { name: 'core-stands-alone', severity: 'error', from: { path: '^src/core/' }, to: { pathNot: '^src/core/' } },
    {
      name: 'files-in-io-and-write',
      severity: 'error',
      from: { path: '^src/', pathNot: FILES },
      to: { path: '^(node:)?fs' },
    },
    {
      name: 'root-files',
      severity: 'error',
      comment: 'open.ts ties a path to the rooms that open it; index.ts and internal.ts are lists of what is exported',
      from: { path: '^src/open\\.ts$' },
      to: { path: '^src/', pathNot: '^src/(core|io|codecs|dump|debuginfo|opening|kernel|kvm|spaces|types)/' },
    },
    {
      name: 'known-rooms',
      severity: 'error',
      comment:
        'a room without a row in MAY_IMPORT, or a new file beside open.ts, index.ts and internal.ts, has no rule',
      from: { path: '^src/', pathNot: `^src/(${Object.keys(MAY_IMPORT).join('|')})/|^src/(open|index|internal)\\.ts$` },
      to: {},
    },
    {
      name: 'one-file-knows-the-queue',
      severity: 'error',
      comment: 'bullmq and ioredis are optional, and loaded only for a queue',
      from: { path: '^src/', pathNot: '^src/queue/connection\\.ts$' },
      to: { path: '(^|/)(bullmq|ioredis)(/|$)' },
    },
    {
      name: 'headers-own-the-parsers',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/headers/' },
      to: { path: '^parsers/|kaitai-struct' },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default'] },
  },
};

export default config;
