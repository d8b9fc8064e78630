/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "issuers/local/options.h"
#include "issuers/local/store.h"

/* Whose a local authority's folder is: the issuer of one name in one environment. Another one that reaches
 * the same folder, by a mount or after the host's environment was changed, is refused: KEY_STORAGE. */

/* *ret_claimed: somebody said whose it is. A folder that nobody claimed may be used by whoever has it. */
bool owner_check(const Store *s, const AuthorityOptions *o, bool *ret_claimed, GError **error);

/* With the lock held exclusively: checks, and claims what nobody has claimed. */
bool owner_claim(Store *s, const AuthorityOptions *o, GError **error);
