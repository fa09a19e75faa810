// SPDX-License-Identifier: Apache-2.0
import { answersOf, crashTextOf, typesOf } from '../../build/recorded.js';
import { HOSTS } from '../../run.js';

answersOf('debian-6.1-zlib');
crashTextOf('debian-6.1-zlib', 119);
typesOf(HOSTS[1]);
