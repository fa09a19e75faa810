// SPDX-License-Identifier: Apache-2.0
import { DumpError } from '../core/errors.js';
import type { ByteSource } from '../core/memory.js';
import { Flattened, isFlattened } from './flattened.js';
import { formats, namedFormats } from './formats/index.js';
import { refusedForm } from './formats/refused.js';
import { type DumpFormat, DumpImage, type PageReader, type Problem } from './image.js';
import { SplitReader } from './split.js';

/** How the form of a dump is found: by its start, or as the user says. */
export type InputFormat = 'auto' | 'raw' | 'lime';

/** How a dump's files are opened. */
export interface ImageOptions {
  readonly format?: InputFormat;
  /** Called for every page that is not at hand, and now and then while a file is gone through. */
  readonly onRead?: () => void;
}

const START = 4096;

/**
 * Opens a dump of any known form: one file, or all parts of one that was split, in any order. Throws `DumpError` for a
 * file that is none, or is broken.
 */
export async function openImage(files: readonly ByteSource[], options: ImageOptions = {}): Promise<DumpImage> {
  const { format = 'auto', onRead = () => undefined } = options;
  const [first] = files;
  if (first === undefined) throw new DumpError('no dump was named', { code: 'not-a-dump' });
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
  if (file.size === 0) throw new DumpError(`${file.name}: an empty file`, { code: 'not-a-dump' });
  const named = namedFormats.find(({ name }) => name === format);
  if (named !== undefined) return named.open(file);
  if (!isFlattened(startOf(file))) return formatOf(file).open(file);
  const flattened = new Flattened(file, onRead);
  if (flattened.size === 0)
    throw new DumpError(`${file.name}: a flattened dump that ends before its first record`, { code: 'truncated' });
  if (!flattened.complete) problems.push({ message: `${file.name}: the flattened dump has no end, it was cut off` });
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
  throw new DumpError(`${file.name}: not a dump of a known form`, {
    code: 'not-a-dump',
    hint: 'ELF vmcores and kdump-compressed files are read, flattened or split as well',
    remedies: ['input-format'],
  });
}
