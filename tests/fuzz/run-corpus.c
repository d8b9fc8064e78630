/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Runs a fuzz target over the files of a folder: the corpus as a plain test, without libFuzzer. */

#include <glib.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int main(int argc, char **argv)
{
        g_autoptr(GDir) folder = NULL;
        g_autoptr(GError) error = NULL;
        unsigned n = 0;
        const char *name;

        if (argc != 2) {
                g_printerr("Usage: %s CORPUS-FOLDER\n", argv[0]);
                return 2;
        }
        folder = g_dir_open(argv[1], 0, &error);
        if (!folder) {
                g_printerr("%s\n", error->message);
                return 1;
        }
        while ((name = g_dir_read_name(folder))) {
                g_autofree char *path = g_build_filename(argv[1], name, NULL), *bytes = NULL;
                gsize size;

                if (!g_file_get_contents(path, &bytes, &size, &error)) {
                        g_printerr("%s\n", error->message);
                        return 1;
                }
                LLVMFuzzerTestOneInput((const uint8_t *) bytes, size);
                n++;
        }
        g_print("%u inputs\n", n);
        return n > 0 ? 0 : 1;
}
