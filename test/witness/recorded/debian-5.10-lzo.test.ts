// SPDX-License-Identifier: Apache-2.0
import { answersOf, crashTextOf, typesOf } from '../../build/recorded.js';
import { HOSTS } from '../../run.js';

answersOf('debian-5.10-lzo');
crashTextOf('debian-5.10-lzo', 119);
typesOf(HOSTS[0]);
