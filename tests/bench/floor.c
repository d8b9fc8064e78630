/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* floor: what the work costs at the least, done by a bare program with the same libraries.
 *
 *     floor parse FOLDER COUNT    read and parse the certificates, then exit (the whole process is timed)
 *     floor stat FOLDER COUNT     two stat() for each certificate; prints microseconds, the best of ten rounds
 *     floor issue COUNT           make key, request, check it, sign, on all CPUs; prints microseconds
 *     floor idle                  the agent's libraries, loaded and idle; prints the PSS in KiB
 */

#include "common/timespan.h"

#include <errno.h>
#include <fcntl.h>
#include <gnutls/abstract.h>
#include <gnutls/x509.h>
#include <json-glib/json-glib.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS 10
#define YEAR_SECONDS 31557600

static void check(bool ok, const char *what)
{
        if (ok)
                return;
        fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
        exit(EXIT_FAILURE);
}

static uint64_t clock_usec(void)
{
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t) t.tv_sec * USEC_PER_SEC + (uint64_t) t.tv_nsec / 1000;
}

static void name_file(char *path, size_t size, const char *folder, unsigned i, const char *suffix)
{
        snprintf(path, size, "%s/host-%06u.%s", folder, i, suffix);
}

/* ---- parse ---- */

static int run_parse(const char *folder, unsigned count)
{
        char path[512], content[16384];

        for (unsigned i = 0; i < count; i++) {
                gnutls_datum_t pem = { .data = (unsigned char *) content };
                gnutls_x509_crt_t crt;
                ssize_t n;
                int fd;

                name_file(path, sizeof(path), folder, i, "pem");
                fd = open(path, O_RDONLY | O_CLOEXEC);
                check(fd >= 0, path);
                n = read(fd, content, sizeof(content));
                check(n > 0, path);
                close(fd);
                pem.size = (unsigned) n;
                gnutls_x509_crt_init(&crt);
                check(gnutls_x509_crt_import(crt, &pem, GNUTLS_X509_FMT_PEM) >= 0, "parsing");
                gnutls_x509_crt_deinit(crt);
        }
        return EXIT_SUCCESS;
}

/* ---- stat ---- */

static int run_stat(const char *folder, unsigned count)
{
        uint64_t best = UINT64_MAX;
        char path[512];
        struct stat st;

        for (unsigned round = 0; round < ROUNDS; round++) {
                uint64_t start = clock_usec();

                for (unsigned i = 0; i < count; i++) {
                        name_file(path, sizeof(path), folder, i, "pem");
                        check(stat(path, &st) >= 0, path);
                        name_file(path, sizeof(path), folder, i, "key");
                        check(stat(path, &st) >= 0, path);
                }
                best = MIN(best, clock_usec() - start);
        }
        printf("%lu\n", (unsigned long) best);
        return EXIT_SUCCESS;
}

/* ---- issue ---- */

typedef struct Worker {
        pthread_t thread;
        unsigned count;
        gnutls_x509_crt_t ca;
        gnutls_x509_privkey_t ca_key;
} Worker;

static gnutls_x509_privkey_t make_key(void)
{
        gnutls_x509_privkey_t key;

        gnutls_x509_privkey_init(&key);
        check(gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0) >= 0,
              "making a key");
        return key;
}

static gnutls_x509_crq_t make_request(gnutls_x509_privkey_t key)
{
        gnutls_x509_crq_t crq;

        gnutls_x509_crq_init(&crq);
        gnutls_x509_crq_set_version(crq, 1);
        gnutls_x509_crq_set_subject_alt_name(crq, GNUTLS_SAN_DNSNAME, "host.example", 12, GNUTLS_FSAN_SET);
        gnutls_x509_crq_set_key(crq, key);
        check(gnutls_x509_crq_sign2(crq, key, GNUTLS_DIG_SHA256, 0) >= 0, "signing a request");
        return crq;
}

static void set_validity(gnutls_x509_crt_t crt)
{
        static const uint8_t serial[] = { 0x12, 0x34, 0x56, 0x78 };
        time_t now = time(NULL);

        gnutls_x509_crt_set_version(crt, 3);
        gnutls_x509_crt_set_serial(crt, serial, sizeof(serial));
        gnutls_x509_crt_set_activation_time(crt, now);
        gnutls_x509_crt_set_expiration_time(crt, now + YEAR_SECONDS);
}

static void issue_one(const Worker *w)
{
        gnutls_x509_privkey_t key = make_key();
        gnutls_x509_crq_t crq = make_request(key);
        gnutls_datum_t pem_key, pem_crt;
        gnutls_x509_crt_t crt;

        check(gnutls_x509_crq_verify(crq, 0) >= 0, "checking a request");
        gnutls_x509_crt_init(&crt);
        set_validity(crt);
        check(gnutls_x509_crt_set_crq(crt, crq) >= 0, "taking over the request");
        gnutls_x509_crt_set_crq_extensions(crt, crq);
        check(gnutls_x509_crt_sign2(crt, w->ca, w->ca_key, GNUTLS_DIG_SHA256, 0) >= 0, "signing");
        check(gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &pem_crt) >= 0, "writing PEM");
        check(gnutls_x509_privkey_export2_pkcs8(key, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN, &pem_key) >= 0,
              "writing PEM");
        gnutls_free(pem_key.data);
        gnutls_free(pem_crt.data);
        gnutls_x509_crt_deinit(crt);
        gnutls_x509_crq_deinit(crq);
        gnutls_x509_privkey_deinit(key);
}

static void *work(void *data)
{
        const Worker *w = data;

        for (unsigned i = 0; i < w->count; i++)
                issue_one(w);
        return NULL;
}

static int run_issue(unsigned count)
{
        unsigned n = (unsigned) sysconf(_SC_NPROCESSORS_ONLN);
        g_autofree Worker *workers = g_new0(Worker, n);
        gnutls_x509_privkey_t ca_key = make_key();
        gnutls_x509_crt_t ca;
        uint64_t start;

        gnutls_x509_crt_init(&ca);
        set_validity(ca);
        gnutls_x509_crt_set_dn(ca, "CN=Floor", NULL);
        gnutls_x509_crt_set_basic_constraints(ca, 1, -1);
        gnutls_x509_crt_set_key(ca, ca_key);
        check(gnutls_x509_crt_sign2(ca, ca, ca_key, GNUTLS_DIG_SHA256, 0) >= 0, "signing the CA");
        start = clock_usec();
        for (unsigned i = 0; i < n; i++) {
                workers[i] = (Worker) { .count = count / n + (i < count % n), .ca = ca, .ca_key = ca_key };
                check(pthread_create(&workers[i].thread, NULL, work, &workers[i]) == 0, "starting a thread");
        }
        for (unsigned i = 0; i < n; i++)
                pthread_join(workers[i].thread, NULL);
        printf("%lu\n", (unsigned long) (clock_usec() - start));
        gnutls_x509_crt_deinit(ca);
        gnutls_x509_privkey_deinit(ca_key);
        return EXIT_SUCCESS;
}

/* ---- idle ---- */

static int run_idle(void)
{
        g_autoptr(JsonParser) parser = json_parser_new();
        g_autofree char *rollup = NULL;
        const char *pss;
        sd_event *event = NULL;
        sd_bus *bus = NULL;

        check(sd_event_default(&event) >= 0 && sd_bus_new(&bus) >= 0 && gnutls_global_init() >= 0, "loading");
        check(json_parser_load_from_data(parser, "{}", -1, NULL), "JSON");
        check(g_file_get_contents("/proc/self/smaps_rollup", &rollup, NULL, NULL), "smaps_rollup");
        pss = strstr(rollup, "\nPss:");
        check(pss != NULL, "Pss");
        printf("%lu\n", strtoul(pss + strlen("\nPss:"), NULL, 10));
        sd_bus_unref(bus);
        sd_event_unref(event);
        return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
        if (argc == 4 && g_str_equal(argv[1], "parse"))
                return run_parse(argv[2], (unsigned) strtoul(argv[3], NULL, 10));
        if (argc == 4 && g_str_equal(argv[1], "stat"))
                return run_stat(argv[2], (unsigned) strtoul(argv[3], NULL, 10));
        if (argc == 3 && g_str_equal(argv[1], "issue"))
                return run_issue((unsigned) strtoul(argv[2], NULL, 10));
        if (argc == 2 && g_str_equal(argv[1], "idle"))
                return run_idle();
        fprintf(stderr, "floor parse FOLDER COUNT | stat FOLDER COUNT | issue COUNT | idle\n");
        return 2;
}
