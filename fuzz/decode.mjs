// SPDX-License-Identifier: Apache-2.0
// decode FILE COUNT: writes the first pages of a dump to standard output, each as its length (32 bits, little endian; 0
// if the dump does not have the page) and its bytes. It is a separate program so that it can be killed if it never
// ends.
import { createWriteStream } from 'node:fs';
import { openImage } from 'kvm-vtop';

const PAGE = 4096;

const [path, count] = process.argv.slice(2);
if (path === undefined || count === undefined) {
  console.error('usage: decode FILE COUNT');
  process.exit(2);
}
const image = await openImage(path);
const out = createWriteStream('', { fd: 1 });
for (let frame = 0; frame < Number(count); frame++) {
  const [stretch] = image.physical.read(frame * PAGE, PAGE);
  const bytes = stretch?.bytes ?? null;
  const length = Buffer.alloc(4);
  length.writeUInt32LE(bytes?.length ?? 0);
  out.write(length);
  if (bytes !== null) out.write(bytes);
}
out.end(() => {
  image.close();
});
