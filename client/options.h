/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* The command line, as it was typed. */

typedef enum JsonFormat {
        JSON_OFF,
        JSON_SHORT,  /* one line */
        JSON_PRETTY, /* indented */
} JsonFormat;

typedef struct Options {
        JsonFormat json;
        bool no_pager;
        bool no_legend;
        bool quiet;
        bool full;
        bool all;
        bool due;
        bool force;
        bool no_wait;
        bool follow;
        bool value;
        bool now;
        bool yes;
        bool current;
        int lines;                                         /* -1: not said */
        char *reason;                                      /* --reason=, or NULL */
        char *host;                                        /* -H, or NULL */
        char *machine;                                     /* -M, or NULL */
        GPtrArray *properties;                             /* -p: char*, or NULL */
        char *output;                                      /* -o, or NULL */
        char *password_file;                               /* --password-file=, or NULL */
        char *emit_units;                                  /* --emit-units=, or NULL */
        char *issuer;                                      /* --issuer=, or NULL */
        char *url, *root_fingerprint, *root, *provisioner; /* convert's, of the issuer; or NULL */
        char *cert, *ca, *server_name, *starttls;          /* doctor's; or NULL */
        char *as, *lifetime, *ca_output;                   /* sign's; or NULL */
        GPtrArray *names;                                  /* sign's --name=: char*, or NULL */
        char *serial;                                      /* --serial=, or NULL */
        bool pkcs12;
        bool issued;

        unsigned given;        /* OptionBit: of all that were typed */
        const char *typed[32]; /* of each bit, the option that set it last */
} Options;

/* Bits that a verb puts into its row of the table: the options that mean something to it. */
typedef enum OptionBit {
        OPTION_JSON = 1 << 0,
        OPTION_TABLE = 1 << 1, /* --no-pager --no-legend -l */
        OPTION_ALL = 1 << 2,
        OPTION_DUE = 1 << 3,
        OPTION_FORCE = 1 << 4,
        OPTION_NO_WAIT = 1 << 5,
        OPTION_FOLLOW = 1 << 6,
        OPTION_LINES = 1 << 7,
        OPTION_PROPERTY = 1 << 8, /* -p --value */
        OPTION_HOST = 1 << 9,
        OPTION_MACHINE = 1 << 10,
        OPTION_NOW = 1 << 11,
        OPTION_CURRENT = 1 << 12,
        OPTION_REASON = 1 << 13,
        OPTION_OUTPUT = 1 << 14,
        OPTION_EMIT_UNITS = 1 << 15,
        OPTION_ISSUER = 1 << 16,
        OPTION_URL = 1 << 17,
        OPTION_ROOT_FINGERPRINT = 1 << 18,
        OPTION_ROOT = 1 << 19,
        OPTION_PROVISIONER = 1 << 20,
        OPTION_PASSWORD_FILE = 1 << 21,
        OPTION_YES = 1 << 22,
        OPTION_DOCTOR = 1 << 23, /* --cert --ca --server-name --starttls */
        OPTION_PKCS12 = 1 << 24,
        OPTION_SIGN = 1 << 25, /* --as --lifetime --name --ca-output */
        OPTION_ISSUED = 1 << 26,
        OPTION_SERIAL = 1 << 27,
} OptionBit;

typedef enum OptionsVerdict {
        OPTIONS_GO_ON,
        OPTIONS_HELP,
        OPTIONS_VERSION,
        OPTIONS_WRONG, /* said on standard error */
} OptionsVerdict;

/* Reads the options; the words that are none are moved to the end of `argv`, from *ret_first on. `options`
 * starts zeroed. */
OptionsVerdict options_parse(Options *options, int argc, char **argv, int *ret_first);

/* One that was typed and whose bit is not in `known`, as it is typed; NULL when there is none. */
const char *options_foreign(const Options *options, unsigned known);

void options_clear(Options *options);
