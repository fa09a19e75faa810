// SPDX-License-Identifier: Apache-2.0
// decode FILE COUNT: the first pages of a dump as pieces, each a length (32 bits, little endian; 0: there is none) and
// as many bytes. A process of its own, so that one that never ends can be ended.
import { createWriteStream } from 'node:fs';
import { openImage } from '../dist/index.js';

const [, , path, count] = process.argv;
const { memory, close } = await openImage(path);
const out = createWriteStream('', { fd: 1 });
for (let frame = 0; frame < Number(count); frame++) {
  const [{ bytes }] = memory.read(frame * 4096, 4096);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(bytes?.length ?? 0);
  out.write(length);
  if (bytes !== null) out.write(bytes);
}
out.end(close);
