// SPDX-License-Identifier: Apache-2.0
import { answersOf, crashTextOf, typesOf } from '../../build/recorded.js';
import { HOSTS } from '../../run.js';

answersOf('debian-6.12-zstd');
crashTextOf('debian-6.12-zstd', 116);
typesOf(HOSTS[2]);
