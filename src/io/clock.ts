// SPDX-License-Identifier: Apache-2.0

/** Milliseconds of a clock that only goes forward. `performance.now()` is the same, but loading it takes a millisecond. */
export function milliseconds(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1e3 + nanoseconds / 1e6;
}
