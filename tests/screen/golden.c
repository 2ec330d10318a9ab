#include "tests/screen/golden.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/mem.h"
#include "tests/support/tempdir.h"

#define QUIET_MS 400

/* What differs from run to run and from machine to machine. The first match in
 * a row is blotted out with '#', or replaced where its width may differ too. */
static const struct {
    const char *pattern, *shown;
} masks[] = {
    {"bilge-test-[A-Za-z0-9]{1,6}", NULL},
    {"20[0-9]{2}-[0-9]{2}-[0-9T:.Z-]*", NULL},
    /* Do directories take blocks? That is the file system's affair. */
    {"Ingest +[0-9.]+ k?B", "Ingest <size>"},
    {"Other +[0-9.]+ k?B", "Other <size>"},
    {"[0-9]+:[0-9]{2}", NULL}, /* how long a build has taken */
    {"[0-9.]+ [kMGT]?B of [0-9.]+ [kMGT]?B(, [0-9]+% used)? *│", "<free>│"},
    {"^│ (RAM )?/[^ │]* +│$", "│ <mount>"},
    /* The header: its parts share the room that the disk's figures leave. */
    {"^ bilge .* [0-9]+% .*free.*$", " bilge <header>"},
};

static char *replace_match(const char *row, const regmatch_t *match, const char *by)
{
    struct buf buf = {0};
    buf_append(&buf, row, (size_t)match->rm_so);
    for (regoff_t i = match->rm_so; by == NULL && i < match->rm_eo; i++)
        buf_append(&buf, "#", 1);
    if (by != NULL)
        buf_append_str(&buf, by);
    buf_append_str(&buf, row + match->rm_eo);
    return buf_take(&buf);
}

static char *mask_row(const char *row)
{
    char *masked = mem_strdup(row);
    for (size_t i = 0; i < sizeof masks / sizeof masks[0]; i++) {
        regex_t regex;
        regmatch_t match;
        assert_int_equal(0, regcomp(&regex, masks[i].pattern, REG_EXTENDED));
        if (regexec(&regex, masked, 1, &match, 0) == 0) {
            char *next = replace_match(masked, &match, masks[i].shown);
            free(masked);
            masked = next;
        }
        regfree(&regex);
    }
    return masked;
}

static char *masked_text(struct terminal *terminal)
{
    struct buf buf = {0};
    for (int row = 0; row < terminal_rows(terminal); row++) {
        char *text = terminal_row_text(terminal, row), *masked = mask_row(text);
        buf_append_str(&buf, masked);
        buf_append_str(&buf, "\n");
        free(text);
        free(masked);
    }
    return buf_take(&buf);
}

static const char *directory(void)
{
    const char *path = getenv("BILGE_TEST_GOLDEN");
    if (path == NULL)
        fail_msg("BILGE_TEST_GOLDEN is not set: run it by make check");
    return path;
}

static bool is_as_wanted(struct terminal *terminal, const void *wanted)
{
    char *now = masked_text(terminal);
    bool same = strcmp(now, wanted) == 0;
    free(now);
    return same;
}

static bool is_quiet(struct terminal *terminal, const void *wanted)
{
    terminal_wait_quiet(terminal, QUIET_MS);
    return is_as_wanted(terminal, wanted);
}

static void show_difference(const char *name, const char *wanted)
{
    print_error("# wanted (%s):\n", name);
    for (size_t len; *wanted != '\0'; wanted += len + (wanted[len] == '\n')) {
        len = strcspn(wanted, "\n");
        print_error("# >%.*s\n", (int)len, wanted);
    }
}

void golden_wait(struct terminal *terminal, const char *name)
{
    char *file =
        mem_printf("%s-%dx%d.txt", name, terminal_columns(terminal), terminal_rows(terminal));
    if (getenv("BILGE_UPDATE_GOLDEN") != NULL) {
        terminal_wait_quiet(terminal, QUIET_MS);
        char *now = masked_text(terminal);
        file_write_text(directory(), file, now);
        free(now);
    } else if (!file_exists(directory(), file)) {
        fail_msg("there is no golden screen %s: BILGE_UPDATE_GOLDEN=1 makes it", file);
    } else {
        char *wanted = file_read(directory(), file, NULL);
        char *what = mem_printf("the golden screen %s", file);
        if (!is_as_wanted(terminal, wanted) && !is_quiet(terminal, wanted))
            show_difference(file, wanted);
        terminal_wait(terminal, is_as_wanted, wanted, what);
        free(what);
        free(wanted);
    }
    free(file);
}
