// SPDX-License-Identifier: Apache-2.0
/** The module compiled from wasm/inflate/, in base64. */
declare const inflate: string;
export = inflate;
