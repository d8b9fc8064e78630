/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The verbs of certctl, and their help. */

#include "client/verbs.h"

#include "client/connect.h"
#include "common/suggest.h"

#include <stdio.h>
#include <string.h>

#define REMOTE (OPTION_HOST | OPTION_MACHINE)
#define CONVERT                                                                                              \
        (OPTION_OUTPUT | OPTION_FORCE | OPTION_EMIT_UNITS | OPTION_ISSUER | OPTION_URL |                     \
         OPTION_ROOT_FINGERPRINT | OPTION_ROOT | OPTION_PROVISIONER | OPTION_PASSWORD_FILE)

static const Verb verbs[] = {
        { "status", "[NAME...]", "how certificates, authorities and bundles are", 0, -1,
          OPTION_JSON | OPTION_TABLE | OPTION_LINES | REMOTE, verb_status,
          "  -l --full            do not cut text to the terminal; tell every failure\n"
          "  -n --lines=N         with NAME: so many lines of the log (default 5)\n"
          "\nNAME is a certificate's, or authority:ISSUER, bundle:NAME, crl:ISSUER.\n"
          "Exit status 3 when something is wrong: one of them failed, is blocked,\n"
          "degraded or expired, or the manifest was refused.\n" },
        { "show", "NAME...", "all that the agent knows of it, PROPERTY=VALUE", 1, -1,
          OPTION_JSON | OPTION_TABLE | OPTION_PROPERTY | REMOTE, verb_show,
          "  -p --property=NAME   only this property; may be given several times\n"
          "     --value           the values without the names\n" },
        { "plan", "[NAME...]", "what would be done now, and why", 0, -1,
          OPTION_JSON | OPTION_TABLE | OPTION_ALL | REMOTE, verb_plan,
          "Changes nothing.\n\n"
          "  -a --all             also those with nothing to be done\n" },
        { "renew", "NAME...|--due|--all", "renew certificates, and show how it goes", 0, -1,
          OPTION_JSON | OPTION_ALL | OPTION_DUE | OPTION_FORCE | OPTION_NO_WAIT | REMOTE, verb_renew,
          "     --due             all that are due, as cert-renew.timer does; fails as\n"
          "                       long as any certificate is failed, blocked or degraded\n"
          "  -a --all             all, as far as they need it\n"
          "     --force           also those that need it not\n"
          "     --no-wait         only start the job\n" },
        { "ensure", "NAME", "get a certificate unless there is a usable one", 1, 1,
          OPTION_JSON | OPTION_NO_WAIT | REMOTE, verb_ensure,
          "Succeeds when there is a usable certificate afterwards: its files are there,\n"
          "belong together and are in their time.\n" },
        { "check", "", "one line and an exit status for monitoring", 0, 0, REMOTE, verb_check,
          "Exit status 0: ok, 1: warning, 2: critical, 3: the agent cannot be reached.\n" },
        { "reload", "", "put the manifest in force, if without fault", 0, 0, REMOTE, verb_reload,
          NULL },
        { "validate", "[FILE]", "check the manifest, or a file as if it were one", 0, 1, OPTION_JSON,
          verb_validate, "Prints every problem with file, line, path and what to do. Needs no agent.\n" },
        { "init", "", "begin a manifest, /etc/cert-agent/manifest.json", 0, 0, 0, verb_init,
          "A manifest that is there already is never touched.\n" },
        { "authority", "[show|rotate|export]", "the local authorities of this host", 0, 0,
          OPTION_JSON | OPTION_TABLE | OPTION_ISSUED | REMOTE, verb_authority,
          "     show [ISSUER...]  all of them, or these, in full\n"
          "     rotate ISSUER     a new one in place of the present one\n"
          "     export ISSUER     what clients must trust, PEM\n"
          "\nOf one of these: certctl authority rotate --help\n" },
        { "authority show", "[ISSUER...]", "the local authorities in full", 0, -1,
          OPTION_JSON | OPTION_TABLE | OPTION_ISSUED | REMOTE, verb_authority,
          "     --issued          what they signed for requests from elsewhere\n" },
        { "authority rotate", "ISSUER", "a new authority in place of the present one", 1, 1,
          OPTION_JSON | OPTION_NO_WAIT | OPTION_NOW | OPTION_YES | REMOTE, verb_authority_rotate,
          "The new one is trusted by every bundle, and the units have taken that, before\n"
          "it signs; the old one stays trusted until its last certificate is gone and the\n"
          "grace time is over.\n\n"
          "     --now             at once: the present one is trusted no more from then on\n"
          "  -y --yes             with --now: do not ask on a terminal\n"
          "     --no-wait         only start the job\n" },
        { "authority export", "ISSUER", "what clients must trust, PEM", 1, 1,
          OPTION_JSON | OPTION_CURRENT | REMOTE, verb_authority_export,
          "During a rotation these are several certificates: clients need all of them.\n\n"
          "     --current         only the one that signs now\n" },
        { "revoke", "[NAME]", "revoke a certificate, and get another one", 0, 1,
          OPTION_JSON | OPTION_NO_WAIT | OPTION_REASON | OPTION_ISSUER | OPTION_SERIAL | REMOTE, verb_revoke,
          "     --issuer=ISSUER --serial=HEX\n"
          "                       one that this authority signed for a request from\n"
          "                       elsewhere\n"
          "     --reason=REASON   unspecified, keyCompromise, affiliationChanged,\n"
          "                       superseded, cessationOfOperation or privilegeWithdrawn\n"
          "     --no-wait         do not wait until the new one is in place\n" },
        { "csr", "NAME", "the request that waits for its answer, PEM", 1, 1, OPTION_JSON | REMOTE, verb_csr,
          "On a terminal it says in words, too, what is requested.\n" },
        { "import", "NAME FILE...", "bring the CA's answer to a request", 2, -1,
          OPTION_JSON | OPTION_NO_WAIT | REMOTE, verb_import,
          "FILE is what the CA sent: the certificate, with its chain or the chain in\n"
          "further files, PEM or DER, X.509 or PKCS#7, in any order; \"-\" is standard\n"
          "input. A wrong one changes nothing.\n\n"
          "     --no-wait         do not wait until it is in place\n" },
        { "sign", "FILE --issuer=ISSUER", "have an authority sign a request from elsewhere", 1, 1,
          OPTION_JSON | OPTION_ISSUER | OPTION_SIGN | OPTION_OUTPUT | OPTION_FORCE | OPTION_YES | REMOTE,
          verb_sign,
          "     --issuer=ISSUER   the authority\n"
          "     --as=USAGE        client, server or both; else what the request asks for\n"
          "     --lifetime=SPAN   such as 90d; else as the authority gives its certificates\n"
          "     --name=NAME       in place of the request's names; may be given several\n"
          "                       times\n"
          "  -y --yes             do not ask; needed where nobody can be asked\n"
          "  -o --output=FILE     write it to FILE, which must not be there\n"
          "     --ca-output=FILE  write the authority's own certificate to this FILE\n"
          "     --force           replace files that are there\n"
          "\nFILE is the request, PEM or DER; \"-\" is standard input. The certificate, its\n"
          "chain and the authority's certificate go to standard output, PEM.\n" },
        { "export", "NAME", "a certificate with its chain and CA", 1, 1,
          OPTION_PKCS12 | OPTION_OUTPUT | OPTION_PASSWORD_FILE | OPTION_FORCE, verb_export,
          "For other programs; PEM, on standard output, without the key.\n\n"
          "     --pkcs12          as PKCS#12 (.p12, .pfx), with the key\n"
          "     --password-file=FILE\n"
          "                       its password is what is in FILE (or /dev/fd/N);\n"
          "                       without it you are asked\n"
          "  -o --output=FILE     write it to FILE, which must not be there, readable by\n"
          "                       you alone\n"
          "     --force           replace a file that is there\n" },
        { "doctor", "NAME|HOST:PORT", "what is wrong with a server, and what to do", 1, 1,
          OPTION_JSON | OPTION_DOCTOR, verb_doctor,
          "     --cert=NAME       show this certificate of the host as the client's\n"
          "     --ca=FILE         trust these CAs, PEM\n"
          "     --server-name=NAME\n"
          "                       the name that the certificate must have\n"
          "     --starttls=PROTOCOL\n"
          "                       begin in the clear: smtp, imap, pop3, ftp, ldap,\n"
          "                       postgresql or none\n"
          "\nExit status 0: healthy, 1: could not look, 3: something is wrong,\n"
          "4: no certificate of this name.\n" },
        { "log", "NAME", "the journal's entries of a certificate", 1, 1,
          OPTION_JSON | OPTION_TABLE | OPTION_FOLLOW | OPTION_LINES | OPTION_MACHINE, verb_log,
          "  -f --follow          go on with new ones\n"
          "  -n --lines=N         only the last N\n" },
        { "watch", "[NAME...]", "what happens, as it happens", 0, -1, OPTION_JSON | REMOTE, verb_watch,
          NULL },
        { "convert", "FROM [PATH]", "a manifest of what another program was told", 1, 2, CONVERT,
          verb_convert,
          "     phoenix FILE      a certificate-manifest.json in front of a step-ca\n"
          "     certbot [DIR]     certbot's folder, by default /etc/letsencrypt\n"
          "     certmonger [DIR]  certmonger's requests, by default\n"
          "                       /var/lib/certmonger/requests\n"
          "\n"
          "The manifest goes to standard output, what is left to be done to standard\n"
          "error. Runs nothing, and changes no file but those that these options name:\n\n"
          "  -o --output=FILE     write the manifest to FILE, which must not be there\n"
          "     --emit-units=DIR  write one-shot units for commands that are more than\n"
          "                       systemctl's\n"
          "     --force           replace files that are there\n"
          "     --issuer=NAME     the issuer of all of them\n"
          "     --url=URL, --root-fingerprint=HEX, --root=FILE, --provisioner=NAME,\n"
          "     --password-file=FILE\n"
          "                       what the issuer needs to know, with phoenix\n"
          "\nExit status 1 when an entry had to be left out; the others are printed all the\n"
          "same.\n" },
        { "__names", "[all|authorities]", NULL, 0, 1, REMOTE, verb_names, NULL },
};

static const Verb *find(const char *name)
{
        for (size_t i = 0; i < G_N_ELEMENTS(verbs); i++)
                if (g_str_equal(verbs[i].name, name))
                        return &verbs[i];
        return NULL;
}

const char *verb_suggest(const char *word)
{
        const char *names[G_N_ELEMENTS(verbs)];
        size_t n = 0;

        for (size_t i = 0; i < G_N_ELEMENTS(verbs); i++)
                if (verbs[i].summary && !strchr(verbs[i].name, ' '))
                        names[n++] = verbs[i].name;
        return suggest_word(word, names, n);
}

const Verb *verb_find(char **words, size_t *ret_words)
{
        g_autofree char *both = words[1] ? g_strjoin(" ", words[0], words[1], NULL) : NULL;
        const Verb *verb = both && !strchr(words[0], ' ') && !strchr(words[1], ' ') ? find(both) : NULL;

        *ret_words = verb ? 2 : 1;
        return verb ?: strchr(words[0], ' ') ? NULL : find(words[0]);
}

static void print_common_options(unsigned options)
{
        if (options & OPTION_JSON)
                printf("     --json=FORMAT     short, pretty or off\n");
        if (options & OPTION_TABLE)
                printf("     --no-pager        do not pipe the output into a pager\n"
                       "     --no-legend       no headings and no closing line\n");
        printf("  -q --quiet           print only what went wrong\n");
        if (options & OPTION_HOST)
                printf("  -H --host=[USER@]HOST\n"
                       "                       on another machine, by ssh\n");
        if (options & OPTION_MACHINE)
                printf("  -M --machine=NAME    in a local container\n");
        printf("  -h --help            this text\n");
}

static void print_verb_help(const Verb *verb)
{
        printf("certctl %s %s\n\n%s.\n\n", verb->name, verb->arguments,
               verb->summary ?: "For the shells' completion");
        if (verb->help)
                printf("%s\n", verb->help);
        print_common_options(verb->options);
}

void verb_print_help(const Verb *verb)
{
        if (verb) {
                print_verb_help(verb);
                return;
        }
        printf("certctl [OPTION...] VERB [ARGUMENT...]\n\n"
               "Sees to this host's certificates through cert-agent.\n\nVerbs:\n");
        for (size_t i = 0; i < G_N_ELEMENTS(verbs); i++)
                if (verbs[i].summary && !strchr(verbs[i].name, ' ')) {
                        g_autofree char *synopsis = g_strjoin(" ", verbs[i].name, verbs[i].arguments, NULL);

                        printf("  %s%*s %s\n", synopsis, (int) (30 - MIN(30, text_width(synopsis))), "",
                               verbs[i].summary);
                }
        printf("\nOptions:\n");
        print_common_options(OPTION_JSON | OPTION_TABLE | REMOTE);
        printf("     --version         the version of this program\n"
               "\nOf one verb: certctl VERB --help. All of it: man certctl\n");
}

bool verb_check_usage(const Verb *verb, const Options *options, int n_arguments)
{
        const char *foreign = options_foreign(options, verb->options);

        if (foreign)
                client_usage("%s means nothing to \"%s\"; see: certctl %s --help", foreign, verb->name,
                             verb->name);
        else if (n_arguments < verb->min)
                client_usage("\"%s\" needs %s; see: certctl %s --help", verb->name, verb->arguments,
                             verb->name);
        else if (n_arguments > 0 && verb->max == 0 && *verb->arguments)
                client_usage("\"%s\" does not know this; it has: %s; see: certctl %s --help", verb->name,
                             verb->arguments, verb->name);
        else if (verb->max >= 0 && n_arguments > verb->max)
                client_usage("\"%s\" takes no more than %d argument%s; see: certctl %s --help", verb->name,
                             verb->max, verb->max == 1 ? "" : "s", verb->name);
        else
                return true;
        return false;
}
