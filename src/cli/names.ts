// SPDX-License-Identifier: Apache-2.0

/** An option's name on the command line: `kvmModule` is `kvm-module`. */
export const kebab = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
