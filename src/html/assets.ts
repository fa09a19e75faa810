// SPDX-License-Identifier: Apache-2.0

/** The script of the page (src/picture/, bundled) and its style sheet. */
export interface Assets {
  readonly script: string;
  readonly style: string;
  /** Notices that the licences of what is bundled in the script require. */
  readonly licences: string;
  /** The version of the program. */
  readonly version: string;
}

/** Set by the build. */
declare const KVM_VTOP_PICTURE: Assets;

/** The assets. They are part of the built program alone. */
export const assets = (): Assets => KVM_VTOP_PICTURE;
