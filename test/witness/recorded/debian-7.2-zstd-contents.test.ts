// SPDX-License-Identifier: Apache-2.0
import { answersOf, typesOf } from '../../build/recorded.js';
import { HOSTS } from '../../run.js';

answersOf('debian-7.2-zstd-contents');
typesOf(HOSTS[3]);
