/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "client/convert/conversion.h"

/* Taking over what is there: an entry that says of the files in place what they are is adopted by the agent without a
 * new certificate. */

/* Follows links at the end of the entry's paths to the files. False with the reason; caller owns. */
bool takeover_resolve(Conversion *c, Entry *e, char **ret_why);

/* The certificate in place; NULL when there is none that can be read, which is reported. */
PresentCertificate *takeover_read(Conversion *c, const Entry *e);

/* The key's type and the usage, which other programs' configurations often do not say. */
void takeover_kind(Conversion *c, Entry *e, const PresentCertificate *p);
/* Subject and names, where the certificate is what counts. False with the reason; caller owns. */
bool takeover_names(Conversion *c, Entry *e, const PresentCertificate *p, char **ret_why);
/* Owner and mode of both files, as they are. */
void takeover_attributes(Conversion *c, Entry *e);
/* The mode of a file, as much of it as the agent allows. */
void takeover_set_mode(Conversion *c, Entry *e, EntryFile f, int mode);
/* Whether the certificate has the names that the entry has by now, and no other. */
bool takeover_same_names(const Entry *e, const PresentCertificate *p);
/* Says if the first pass will get a new certificate all the same, and why. */
void takeover_foresee(Conversion *c, const Entry *e, const PresentCertificate *p);
