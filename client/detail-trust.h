/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "client/authority.h"
#include "client/bundle.h"

/* One authority, or one bundle, in full. */

void detail_authority(const Client *client, const Authority *a, uint64_t now);
void detail_bundle(const Client *client, const Bundle *b, uint64_t now);
