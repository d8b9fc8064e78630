/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "client/certificate.h"

/* What the agent says of a certificate, and what its files say, as diagnoses. */

/* `on_disk` is the fingerprint (SHA-256, hex) of what is in its file, NULL: it could not be read. Pure. */
void state_judge(const CertDetail *d, const char *on_disk, uint64_t now, GPtrArray *diagnoses);
