/* How long a key takes to be seen while a build floods the log:
 *
 *     make bench-keys
 *
 * From the key's write to the terminal until a libvterm that reads all output
 * shows what the key is for: what the kernel and libvterm take is in it. Prints
 * medians and 99th percentiles. The flood goes as fast as its pipe is read; a
 * scan is begun again every few keys.
 *
 * BILGE_BENCH_LINES (default 60,000,000): the flood's length. It must outlast the
 * keys; its lines lie on the disk for a while, 70 bytes each. */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/mem.h"
#include "tests/screen/stage.h"
#include "tests/screen/terminal_private.h"
#include "tests/support/limit.h"

#define KEYS 100
#define LINES_DEFAULT "60000000"
#define LEN(array) (sizeof(array) / sizeof(array)[0])

struct key {
    const char *sent, *text;
    bool gone; /* the text goes away instead */
    const char *name;
};

static double now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static bool has_come(struct terminal *terminal, const void *arg)
{
    const struct key *key = arg;
    return terminal_shows(terminal, key->text) != key->gone;
}

struct until {
    double at_ms;
};

static bool is_time(struct terminal *terminal, const void *arg)
{
    const struct until *until = arg;
    (void)terminal;
    return now_ms() >= until->at_ms;
}

/* Keys come at no fixed place in a frame. */
static void rest(struct terminal *terminal)
{
    struct until until = {now_ms() + 15 + rand() % 30};
    terminal_wait(terminal, is_time, &until, "some time");
}

static double press(struct terminal *terminal, const struct key *key)
{
    double start = now_ms();
    assert_int_equal(write(terminal->master, key->sent, strlen(key->sent)), strlen(key->sent));
    terminal_wait(terminal, has_come, key, key->text);
    return now_ms() - start;
}

static int compare(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static void report(const char *name, double *took, size_t len)
{
    qsort(took, len, sizeof *took, compare);
    print_message("# %-34s %4zu keys: median %5.1f ms, p99 %5.1f ms, longest %5.1f ms\n", name, len,
                  took[len / 2], took[len * 99 / 100], took[len - 1]);
}

static void measure(struct stage *stage, const char *where, const struct key *keys, size_t keys_len)
{
    static double all[KEYS * 4];
    for (size_t round = 0; round < KEYS; round++)
        for (size_t i = 0; i < keys_len; i++) {
            rest(stage->terminal);
            all[i * KEYS + round] = press(stage->terminal, &keys[i]);
        }
    print_message("# %s\n", where);
    for (size_t i = 0; i < keys_len; i++)
        report(keys[i].name, all + i * KEYS, KEYS);
    report("all", all, keys_len * KEYS);
}

static void start_flood(struct stage *stage, char *mark)
{
    const char *lines = getenv("BILGE_BENCH_LINES");
    char *script = mem_printf("exec '%s' plain numbered %s %s\n", getenv("BILGE_TEST_FLOODER"),
                              lines != NULL ? lines : LINES_DEFAULT, mark);
    file_write_text(stage->world->docker, "build.mode", "script");
    file_write_text(stage->world->docker, "build.sh", script);
    free(script);
    stage_start_full(stage, 120, 40, NULL);
    terminal_set_patience(stage->terminal, 60000);
    stage_press(stage, "/", "/");
    terminal_press(stage->terminal, "orch");
    stage_see_gone(stage, "old-branch");
    terminal_press(stage->terminal, KEY_ENTER_SENT);
    terminal_press(stage->terminal, "1");
    stage_press(stage, "b", "of the flood");
}

static void test_keys(void **state)
{
    static const struct key on_main[] = {
        {"?", "Main screen", false, "? opens the keys"},
        {"q", "Main screen", true, "q leaves them"},
        {"rl", "following", false, "l opens the log, after r scans"},
        {"q", "following", true, "q leaves it"},
    };
    static const struct key in_log[] = {
        {"g", "line 000000003", false, "g goes to the first line"},
        {"G", "following", false, "G follows"},
        {"?", "Everywhere", false, "? opens the keys"},
        {"q", "Everywhere", true, "q leaves them"},
    };
    struct stage *stage = *state;
    char *mark = path_join(stage->world->path, "enough"), *walks = mem_printf("%s.walks", mark);
    start_flood(stage, mark);
    measure(stage, "main screen", on_main, LEN(on_main));
    stage_press(stage, "l", "following");
    measure(stage, "log", in_log, LEN(in_log));
    print_message("# the flood %s\n", access(walks, F_OK) == 0
                                          ? "was over before the keys were: take more lines"
                                          : "outlasted the keys");
    file_write_text(stage->world->path, "enough", "");
    terminal_press(stage->terminal, KEY_CTRL_C_SENT);
    free(mark);
    free(walks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_keys, stage_open, stage_close),
    };
    limit_program(600);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
