/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Numbers that an issuer and the agent must agree on. */

/* Of one authority, revoked and not past their end. An issuer that let more be revoked could no longer say
 * so: the agent reads no more of one answer than 8 MiB, and a serial number takes up to 48 bytes of that. */
#define CERT_REVOKED_MAX 100000
