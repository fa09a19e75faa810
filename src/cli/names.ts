// SPDX-License-Identifier: Apache-2.0

/** The name of an option on the command line: `kvmModule` becomes `kvm-module`. */
export const kebab = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
