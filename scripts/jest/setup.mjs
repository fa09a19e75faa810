// SPDX-License-Identifier: Apache-2.0
// Before all tests: unit tests import src/, which imports what is compiled here.
import { buildWasm } from '../build-wasm.mjs';

export default buildWasm;
