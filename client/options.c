/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The command line: what each option is called, what it sets, and which verbs may have it. */

#include "client/options.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

enum {
        ARG_JSON = 0x100,
        ARG_NO_PAGER,
        ARG_NO_LEGEND,
        ARG_DUE,
        ARG_FORCE,
        ARG_NO_WAIT,
        ARG_VALUE,
        ARG_NOW,
        ARG_CURRENT,
        ARG_REASON,
        ARG_VERSION,
        ARG_EMIT_UNITS,
        ARG_ISSUER,
        ARG_URL,
        ARG_ROOT_FINGERPRINT,
        ARG_ROOT,
        ARG_PROVISIONER,
        ARG_PASSWORD_FILE,
        ARG_CERT,
        ARG_CA,
        ARG_SERVER_NAME,
        ARG_STARTTLS,
        ARG_PKCS12,
        ARG_AS,
        ARG_LIFETIME,
        ARG_NAME,
        ARG_CA_OUTPUT,
        ARG_ISSUED,
        ARG_SERIAL,
};

static const struct option long_options[] = {
        { "json", required_argument, NULL, ARG_JSON },
        { "no-pager", no_argument, NULL, ARG_NO_PAGER },
        { "no-legend", no_argument, NULL, ARG_NO_LEGEND },
        { "quiet", no_argument, NULL, 'q' },
        { "full", no_argument, NULL, 'l' },
        { "all", no_argument, NULL, 'a' },
        { "due", no_argument, NULL, ARG_DUE },
        { "force", no_argument, NULL, ARG_FORCE },
        { "no-wait", no_argument, NULL, ARG_NO_WAIT },
        { "follow", no_argument, NULL, 'f' },
        { "lines", required_argument, NULL, 'n' },
        { "property", required_argument, NULL, 'p' },
        { "value", no_argument, NULL, ARG_VALUE },
        { "now", no_argument, NULL, ARG_NOW },
        { "yes", no_argument, NULL, 'y' },
        { "current", no_argument, NULL, ARG_CURRENT },
        { "reason", required_argument, NULL, ARG_REASON },
        { "host", required_argument, NULL, 'H' },
        { "machine", required_argument, NULL, 'M' },
        { "version", no_argument, NULL, ARG_VERSION },
        { "help", no_argument, NULL, 'h' },
        { "output", required_argument, NULL, 'o' },
        { "emit-units", required_argument, NULL, ARG_EMIT_UNITS },
        { "issuer", required_argument, NULL, ARG_ISSUER },
        { "url", required_argument, NULL, ARG_URL },
        { "root-fingerprint", required_argument, NULL, ARG_ROOT_FINGERPRINT },
        { "root", required_argument, NULL, ARG_ROOT },
        { "provisioner", required_argument, NULL, ARG_PROVISIONER },
        { "password-file", required_argument, NULL, ARG_PASSWORD_FILE },
        { "cert", required_argument, NULL, ARG_CERT },
        { "ca", required_argument, NULL, ARG_CA },
        { "server-name", required_argument, NULL, ARG_SERVER_NAME },
        { "starttls", required_argument, NULL, ARG_STARTTLS },
        { "pkcs12", no_argument, NULL, ARG_PKCS12 },
        { "as", required_argument, NULL, ARG_AS },
        { "lifetime", required_argument, NULL, ARG_LIFETIME },
        { "name", required_argument, NULL, ARG_NAME },
        { "ca-output", required_argument, NULL, ARG_CA_OUTPUT },
        { "issued", no_argument, NULL, ARG_ISSUED },
        { "serial", required_argument, NULL, ARG_SERIAL },
        { NULL, 0, NULL, 0 },
};

/* What an option sets, and the bit that says to which verbs it belongs (0: to all). */
typedef struct OptionRow {
        int value;
        unsigned bit;
        const char *typed;
        size_t flag; /* offset of a bool in Options, or NO_FLAG */
        size_t text; /* offset of a char* that its value goes to as it is, or 0 */
} OptionRow;

#define NO_FLAG ((size_t) -1)

#define TEXT_ROW(value, bit, typed, member)                                                                  \
        {                                                                                                    \
                value, bit, typed, NO_FLAG, G_STRUCT_OFFSET(Options, member)                                 \
        }

static const OptionRow rows[] = {
        { ARG_JSON, OPTION_JSON, "--json", NO_FLAG },
        { ARG_NO_PAGER, OPTION_TABLE, "--no-pager", G_STRUCT_OFFSET(Options, no_pager) },
        { ARG_NO_LEGEND, OPTION_TABLE, "--no-legend", G_STRUCT_OFFSET(Options, no_legend) },
        { 'l', OPTION_TABLE, "--full", G_STRUCT_OFFSET(Options, full) },
        { 'q', 0, "--quiet", G_STRUCT_OFFSET(Options, quiet) },
        { 'a', OPTION_ALL, "--all", G_STRUCT_OFFSET(Options, all) },
        { ARG_DUE, OPTION_DUE, "--due", G_STRUCT_OFFSET(Options, due) },
        { ARG_FORCE, OPTION_FORCE, "--force", G_STRUCT_OFFSET(Options, force) },
        { ARG_NO_WAIT, OPTION_NO_WAIT, "--no-wait", G_STRUCT_OFFSET(Options, no_wait) },
        { 'f', OPTION_FOLLOW, "--follow", G_STRUCT_OFFSET(Options, follow) },
        { 'n', OPTION_LINES, "--lines", NO_FLAG },
        { 'p', OPTION_PROPERTY, "--property", NO_FLAG },
        { ARG_VALUE, OPTION_PROPERTY, "--value", G_STRUCT_OFFSET(Options, value) },
        { ARG_NOW, OPTION_NOW, "--now", G_STRUCT_OFFSET(Options, now) },
        { 'y', OPTION_YES, "--yes", G_STRUCT_OFFSET(Options, yes) },
        { ARG_CURRENT, OPTION_CURRENT, "--current", G_STRUCT_OFFSET(Options, current) },
        TEXT_ROW(ARG_REASON, OPTION_REASON, "--reason", reason),
        { 'H', OPTION_HOST, "--host", NO_FLAG },
        { 'M', OPTION_MACHINE, "--machine", NO_FLAG },
        TEXT_ROW('o', OPTION_OUTPUT, "--output", output),
        TEXT_ROW(ARG_EMIT_UNITS, OPTION_EMIT_UNITS, "--emit-units", emit_units),
        TEXT_ROW(ARG_ISSUER, OPTION_ISSUER, "--issuer", issuer),
        TEXT_ROW(ARG_URL, OPTION_URL, "--url", url),
        TEXT_ROW(ARG_ROOT_FINGERPRINT, OPTION_ROOT_FINGERPRINT, "--root-fingerprint", root_fingerprint),
        TEXT_ROW(ARG_ROOT, OPTION_ROOT, "--root", root),
        TEXT_ROW(ARG_PROVISIONER, OPTION_PROVISIONER, "--provisioner", provisioner),
        TEXT_ROW(ARG_PASSWORD_FILE, OPTION_PASSWORD_FILE, "--password-file", password_file),
        TEXT_ROW(ARG_CERT, OPTION_DOCTOR, "--cert", cert),
        TEXT_ROW(ARG_CA, OPTION_DOCTOR, "--ca", ca),
        TEXT_ROW(ARG_SERVER_NAME, OPTION_DOCTOR, "--server-name", server_name),
        TEXT_ROW(ARG_STARTTLS, OPTION_DOCTOR, "--starttls", starttls),
        { ARG_PKCS12, OPTION_PKCS12, "--pkcs12", G_STRUCT_OFFSET(Options, pkcs12) },
        TEXT_ROW(ARG_AS, OPTION_SIGN, "--as", as),
        TEXT_ROW(ARG_LIFETIME, OPTION_SIGN, "--lifetime", lifetime),
        { ARG_NAME, OPTION_SIGN, "--name", NO_FLAG },
        TEXT_ROW(ARG_CA_OUTPUT, OPTION_SIGN, "--ca-output", ca_output),
        { ARG_ISSUED, OPTION_ISSUED, "--issued", G_STRUCT_OFFSET(Options, issued) },
        TEXT_ROW(ARG_SERIAL, OPTION_SERIAL, "--serial", serial),
};

static const OptionRow *row_of(int value)
{
        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
                if (rows[i].value == value)
                        return &rows[i];
        return NULL;
}

const char *options_foreign(const Options *options, unsigned known)
{
        unsigned foreign = options->given & ~known;

        return foreign ? options->typed[g_bit_nth_lsf(foreign, -1)] : NULL;
}

static void note_given(Options *o, const OptionRow *row)
{
        if (row->bit == 0)
                return;
        o->given |= row->bit;
        o->typed[g_bit_nth_lsf(row->bit, -1)] = row->typed;
}

static bool add_text(GPtrArray **list, const char *text)
{
        if (!*list)
                *list = g_ptr_array_new_with_free_func(g_free);
        g_ptr_array_add(*list, g_strdup(text));
        return true;
}

static bool parse_json(Options *o, const char *text)
{
        if (g_str_equal(text, "off"))
                o->json = JSON_OFF;
        else if (g_str_equal(text, "short"))
                o->json = JSON_SHORT;
        else if (g_str_equal(text, "pretty"))
                o->json = JSON_PRETTY;
        else {
                fprintf(stderr, "certctl: --json= takes short, pretty or off\n");
                return false;
        }
        return true;
}

static bool parse_lines(Options *o, const char *text)
{
        guint64 n;

        if (!g_ascii_string_to_unsigned(text, 10, 0, G_MAXINT, &n, NULL)) {
                fprintf(stderr, "certctl: --lines= takes a number\n");
                return false;
        }
        o->lines = (int) n;
        return true;
}

/* An option that takes a value. */
static bool take_value(Options *o, const OptionRow *row, const char *text)
{
        int value = row->value;

        if (row->text != 0) {
                char **target = &G_STRUCT_MEMBER(char *, o, row->text);

                g_free(*target);
                *target = g_strdup(text);
                return true;
        }
        if (value == ARG_JSON)
                return parse_json(o, text);
        if (value == 'n')
                return parse_lines(o, text);
        if (value == 'p')
                return add_text(&o->properties, text);
        if (value == ARG_NAME)
                return add_text(&o->names, text);
        /* What follows becomes an argument of ssh: never an option of it. */
        if (*text == '-' || *text == '\0') {
                fprintf(stderr, "certctl: \"%s\" is no name of a %s\n", text,
                        value == 'H' ? "host" : "container");
                return false;
        }
        g_free(value == 'H' ? g_steal_pointer(&o->host) : g_steal_pointer(&o->machine));
        *(value == 'H' ? &o->host : &o->machine) = g_strdup(text);
        return true;
}

OptionsVerdict options_parse(Options *options, int argc, char **argv, int *ret_first)
{
        OptionsVerdict verdict = OPTIONS_GO_ON;
        int c;

        options->lines = -1;
        while ((c = getopt_long(argc, argv, "hqlafyn:p:H:M:o:", long_options, NULL)) >= 0) {
                const OptionRow *row = row_of(c);

                if (c == 'h' || c == ARG_VERSION) {
                        if (verdict == OPTIONS_GO_ON)
                                verdict = c == 'h' ? OPTIONS_HELP : OPTIONS_VERSION;
                        continue;
                }
                if (!row) /* getopt has said what is wrong */
                        return OPTIONS_WRONG;
                if (row->flag != NO_FLAG)
                        G_STRUCT_MEMBER(bool, options, row->flag) = true;
                else if (!take_value(options, row, optarg))
                        return OPTIONS_WRONG;
                note_given(options, row);
        }
        if (options->host && options->machine) {
                fprintf(stderr, "certctl: --host and --machine exclude each other\n");
                return OPTIONS_WRONG;
        }
        *ret_first = optind;
        return verdict;
}

void options_clear(Options *options)
{
        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
                if (rows[i].text != 0)
                        g_clear_pointer(&G_STRUCT_MEMBER(char *, options, rows[i].text), g_free);
        g_clear_pointer(&options->host, g_free);
        g_clear_pointer(&options->machine, g_free);
        g_clear_pointer(&options->properties, g_ptr_array_unref);
        g_clear_pointer(&options->names, g_ptr_array_unref);
}
