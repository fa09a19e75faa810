// SPDX-License-Identifier: Apache-2.0
import { answersOf } from '../../build/recorded.js';

answersOf('debian-6.12-intel');
