/* A step that prints far too much on a real engine, which for once does not
 * clip it: every line that the engine delivers is on the screen, in what is
 * saved and in what a script reads.
 *
 * BILGE_TEST_FLOOD=2000000: so many lines; then with the default bound. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/engine/lab.h"
#include "tests/support/limit.h"
#include "tests/support/peak.h"
#include "tests/support/tempdir.h"

#define MIB (1024L * 1024)
#define LINES_USUAL 200000
#define BESIDE_BYTES (6 * MIB)

static struct lab *lab;

static uint64_t lines_wanted(void)
{
    const char *text = getenv("BILGE_TEST_FLOOD");
    return text != NULL ? strtoull(text, NULL, 10) : LINES_USUAL;
}

static long bound_bytes(void)
{
    return lines_wanted() > LINES_USUAL ? 64 * MIB : MIB;
}

/* No step may be cached from the case before, or from another run. */
static void add_flood(const char *service, unsigned from)
{
    char *text =
        mem_printf("\n  %s:\n    build:\n      network: none\n"
                   "      dockerfile_inline: |\n        FROM local/base:1\n"
                   "        RUN : %ld; seq %u %llu | sed 's/.*/line & of the flood/'\n",
                   service, (long)getpid(), from, (unsigned long long)lines_wanted() + from - 1);
    lab_add_services(lab, text);
    free(text);
}

/* Lines "… line N of the flood", N from `from` on, each the next one. */
static uint64_t count_lines(const char *text, uint64_t from)
{
    uint64_t count = 0;
    for (const char *at = text; (at = strstr(at, " line ")) != NULL; at++) {
        char *end;
        uint64_t number = strtoull(at + 6, &end, 10);
        if (strncmp(end, " of the flood\n", 14) != 0)
            continue; /* the command itself */
        assert_int_equal(number, from + count);
        count++;
    }
    return count;
}

static void test_headless(void **state)
{
    static const char *const words[] = {"build", "flood-one", NULL};
    struct buf out = {0};
    (void)state;
    assert_int_equal(lab_bilge(lab, words, &out), 0);
    buf_append(&out, "", 1);
    assert_int_equal(count_lines(out.data, 1), lines_wanted());
    buf_done(&out);
}

static void test_screen(void **state)
{
    struct terminal *terminal = lab_open_screen(lab, 120, 40);
    (void)state;
    terminal_set_patience(terminal, 300000);
    terminal_wait_text(terminal, "flood-two");
    terminal_press_wait(terminal, "1/", "/");
    terminal_press(terminal, "flood-two");
    terminal_wait_gone(terminal, "nothing exported yet");
    terminal_press(terminal, KEY_ENTER_SENT);
    long before = peak_of(terminal_pid(terminal));
    terminal_press_wait(terminal, "b", "of the flood");
    terminal_press_wait(terminal, "l", "following");
    terminal_press_wait(terminal, "g", "line 10 of the flood");
    terminal_press_wait(terminal, "G", "following");
    terminal_wait_text(terminal, "flood-two · done");
    char *path = path_join(lab->path, "saved.log");
    terminal_press_wait(terminal, "o", "Save the log to");
    terminal_press(terminal, "\x15");
    terminal_press(terminal, path);
    terminal_press(terminal, KEY_ENTER_SENT);
    terminal_wait_text(terminal, "Saved");
    long after = peak_of(terminal_pid(terminal));
    char *saved = file_read(lab->path, "saved.log", NULL);
    assert_int_equal(count_lines(saved, 2), lines_wanted());
    print_message("# %ld KiB more\n", (after - before) / 1024);
    if (peak_tells() && before > 0 && after - before > bound_bytes() + BESIDE_BYTES)
        fail_msg("%ld KiB more than before", (after - before) / 1024);
    terminal_press(terminal, "q");
    terminal_press(terminal, "q");
    assert_int_equal(0, terminal_wait_exit(terminal));
    free(path);
    free(saved);
    terminal_free(terminal);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_headless),
        cmocka_unit_test(test_screen),
    };
    static const char *const terminate[] = {"--signal", "TERM", NULL};
    static const char *const unclipped[] = {"--env", "BUILDKIT_STEP_LOG_MAX_SIZE=-1", "--env",
                                            "BUILDKIT_STEP_LOG_MAX_SPEED=-1", NULL};
    char text[64];
    lab = lab_new();
    if (lab == NULL) {
        printf("1..0 # SKIP no private engine: BILGE_TEST_ENGINE_DIR is not set\n");
        return 0;
    }
    limit_program(1200);
    snprintf(text, sizeof text, "[log]\nmemory = %ldMiB\n", bound_bytes() / MIB);
    dir_make(lab->home, ".config/bilge");
    file_write_text(lab->home, ".config/bilge/bilge.conf", text);
    add_flood("flood-one", 1);
    add_flood("flood-two", 2);
    lab_engine_with(lab, "kill-daemon", terminate);
    lab_engine_with(lab, "start-daemon", unclipped);
    int failed = cmocka_run_group_tests_name("flood", tests, NULL, NULL);
    lab_engine_with(lab, "kill-daemon", terminate);
    lab_engine(lab, "start-daemon");
    lab_free(lab);
    return failed;
}
