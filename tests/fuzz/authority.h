/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "issuers/local/authority.h"

/* The local authority of a fuzz target: made at its first use, in a test root that is gone at once. */

extern const AuthorityOptions fuzz_authority_options;
Authority *fuzz_authority(void); /* borrowed */
