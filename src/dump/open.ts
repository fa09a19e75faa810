// SPDX-License-Identifier: Apache-2.0
import { DumpError } from '../core/errors.js';
import type { ByteSource } from '../core/memory.js';
import { Flattened, isFlattened } from './flattened.js';
import { formats, namedFormats } from './formats/index.js';
import { refusedForm } from './formats/refused.js';
import { type DumpFormat, DumpImage, type PageReader, type Problem } from './image.js';
import { SplitReader } from './split.js';

/** Format of a dump: recognised by its first bytes (`auto`), or as the user states. */
export type InputFormat = 'auto' | 'raw' | 'lime';

/** Options of `openImage`. */
export interface ImageOptions {
  /** Default: `auto`. */
  readonly format?: InputFormat;
  /** Called for each page that is not in the cache, and regularly while a flattened file is scanned. */
  readonly onRead?: () => void;
}

const START = 4096;

/**
 * Opens a dump in any known format: one file, or the parts of a split dump in any order. Throws `DumpError` if a file
 * is not a dump, or is damaged.
 */
export async function openImage(files: readonly ByteSource[], options: ImageOptions = {}): Promise<DumpImage> {
  const { format = 'auto', onRead = () => undefined } = options;
  const [first] = files;
  if (first === undefined) throw new DumpError('no dump was given', { code: 'not-a-dump' });
  const readers: PageReader[] = [];
  const problems: Problem[] = [];
  for (const file of files) readers.push(await openReader(file, format, onRead, problems));
  const name = files.length === 1 ? first.name : `${first.name} and ${files.length - 1} more`;
  return new DumpImage(name, oneOf(files, readers), onRead, problems);
}

function oneOf(files: readonly ByteSource[], readers: readonly PageReader[]): PageReader {
  const [only] = readers;
  if (only !== undefined && readers.length === 1 && only.part === undefined) return only;
  return new SplitReader(readers.map((reader, i) => ({ name: (files[i] as ByteSource).name, reader })));
}

async function openReader(
  file: ByteSource,
  format: InputFormat,
  onRead: () => void,
  problems: Problem[],
): Promise<PageReader> {
  if (file.size === 0) throw new DumpError(`${file.name}: the file is empty`, { code: 'not-a-dump' });
  const named = namedFormats.find(({ name }) => name === format);
  if (named !== undefined) return named.open(file);
  if (!isFlattened(startOf(file))) return formatOf(file).open(file);
  const flattened = new Flattened(file, onRead);
  if (flattened.size === 0)
    throw new DumpError(`${file.name}: the flattened dump ends before its first record`, { code: 'truncated' });
  if (!flattened.complete)
    problems.push({ message: `${file.name} is truncated: the flattened dump has no end record` });
  return formatOf(flattened).open(flattened);
}

const startOf = (file: ByteSource) => file.read(0, Math.min(file.size, START), 'start of the file');

function formatOf(file: ByteSource): DumpFormat {
  const start = file instanceof Flattened ? file.start(START) : startOf(file);
  const format = formats.find((known) => known.probe(start));
  if (format !== undefined) return format;
  const refused = refusedForm(start);
  if (refused !== null)
    throw new DumpError(`${file.name}: ${refused.what}`, {
      code: 'unsupported',
      ...(refused.hint ? { hint: refused.hint } : {}),
    });
  throw new DumpError(`${file.name}: not a dump in a known format`, {
    code: 'not-a-dump',
    hint: 'supported: ELF vmcores and kdump-compressed files, also flattened or split, and LiME',
    remedies: ['input-format'],
  });
}
