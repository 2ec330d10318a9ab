/* Texts sought in whole logs, in memory and in the file, and logs saved. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/mem.h"
#include "core/builds/log/logsave.h"
#include "core/builds/log/logscan.h"
#include "tests/support/limit.h"
#include "tests/support/loop.h"
#include "tests/support/tempdir.h"

#define LEAST 65536

struct place {
    struct loop_fixture loop;
    char *directory;
    struct buildlog *log;
    struct logscan *scan;
    size_t moved;
    bool room, saved;
    struct logsave_result result;
    struct err err;
};

static void on_room(void *arg)
{
    struct place *place = arg;
    place->room = true;
}

static void on_moved(void *arg)
{
    struct place *place = arg;
    place->moved++;
}

static void place_open(struct place *place)
{
    *place = (struct place){0};
    loop_open(&place->loop, 60000);
    place->directory = tempdir_new();
    place->log = buildlog_new(LEAST);
    buildlog_spill_to(place->log, &place->loop.loop, place->directory);
    buildlog_on_room(place->log, on_room, place);
}

static void place_close(struct place *place)
{
    logscan_free(place->scan);
    buildlog_free(place->log);
    loop_finish(&place->loop);
    tempdir_free(place->directory);
}

static void add_line(struct place *place, const struct buildlog_line *line)
{
    place->room = false;
    buildlog_add(place->log, line);
    if (buildlog_is_behind(place->log))
        loop_wait(&place->loop, &place->room);
}

static void add(struct place *place, int step, const char *text)
{
    add_line(place,
             &(struct buildlog_line){.text = text, .len = strlen(text), .step = step, .stream = 1});
}

/* Every 100th line is of step 7, every 777th holds a Needle. */
static void add_hay(struct place *place, unsigned from, unsigned to)
{
    char text[96];
    for (unsigned i = from; i < to; i++) {
        int step = i % 100 == 0 ? 7 : 1;
        int len = snprintf(text, sizeof text, "%s %u", i % 777 == 0 ? "a Needle in" : "hay", i);
        add_line(place, &(struct buildlog_line){
                            .text = text,
                            .len = (size_t)len,
                            .step = step,
                            .number = step,
                            .stream = 1,
                            .kind = LOG_OUTPUT,
                            .time = i % 1000,
                            .decimals = i % 1000 < 10    ? 1
                                        : i % 1000 < 100 ? 2
                                                         : 3,
                        });
    }
}

static void start(struct place *place, struct logscan_query query)
{
    place->scan = logscan_new(&place->loop.loop, place->log, &query, on_moved, place);
}

static void finish(struct place *place)
{
    while (!logscan_counts(place->scan).over)
        uv_run(&place->loop.loop, UV_RUN_ONCE);
}

/* UINT64_MAX: none. */
static uint64_t find(struct place *place, uint64_t from, int direction)
{
    uint64_t number = UINT64_MAX;
    while (logscan_find(place->scan, from, direction, &number) == BUILDLOG_LOADING)
        uv_run(&place->loop.loop, UV_RUN_ONCE);
    return number;
}

static void test_counts_and_finds(void **state)
{
    struct place place;
    (void)state;
    place_open(&place);
    add_hay(&place, 0, 40000);
    start(&place, (struct logscan_query){.text = "nEEDLE"});
    assert_int_equal(place.moved, 0); /* never inside the call */
    /* Found before the rest has been looked at. */
    assert_int_equal(find(&place, 30000, 1), 777 * 39);
    assert_int_equal(find(&place, 30000, -1), 777 * 38);
    assert_int_equal(find(&place, 0, 1), 0);
    assert_int_equal(find(&place, 1, 1), 777);
    assert_int_equal(find(&place, 776, -1), 0);
    finish(&place);
    assert_int_equal(logscan_counts(place.scan).matches, 52);
    assert_int_equal(logscan_counts(place.scan).looked, 40000);
    assert_true(place.moved > 10); /* piece by piece */
    uint64_t from = 0, rank, count = 0;
    for (uint64_t at; (at = find(&place, from, 1)) != UINT64_MAX; from = at + 1, count++) {
        assert_int_equal(at, count * 777);
        assert_true(logscan_rank(place.scan, at, &rank));
        assert_int_equal(rank, count);
    }
    assert_int_equal(count, 52);
    assert_int_equal(find(&place, UINT64_MAX, -1), 777 * 51);
    place_close(&place);
}

static void test_lines_that_come(void **state)
{
    struct place place;
    uint64_t number;
    (void)state;
    place_open(&place);
    start(&place, (struct logscan_query){.text = "Needle", .exact_case = true});
    assert_true(logscan_counts(place.scan).over);
    assert_int_equal(logscan_find(place.scan, 0, 1, &number), BUILDLOG_GONE);
    for (unsigned i = 0; i < 20000; i += 50) {
        add_hay(&place, i, i + 50);
        logscan_continue(place.scan);
        if (i % 1000 == 0)
            finish(&place);
    }
    logscan_continue(place.scan);
    finish(&place);
    assert_int_equal(logscan_counts(place.scan).matches, 26);
    assert_int_equal(logscan_counts(place.scan).looked, 20000);
    assert_int_equal(find(&place, 19999, -1), 777 * 25);
    add_hay(&place, 20000, 20203);
    logscan_continue(place.scan);
    assert_int_equal(find(&place, 19999, 1), 777 * 26);
    size_t moved = place.moved;
    finish(&place);
    logscan_continue(place.scan); /* nothing new: nothing to do */
    assert_int_equal(place.loop.loop.active_reqs.count, 0);
    assert_true(place.moved <= moved + 2);
    place_close(&place);
}

static void test_seeks_something_else(void **state)
{
    struct place place;
    struct logfilter seven = {0};
    (void)state;
    place_open(&place);
    add_hay(&place, 0, 30000);
    start(&place, (struct logscan_query){.text = "n"});
    /* As it is typed; nobody waits for the one before. */
    static const char *const typed[] = {"ne", "nee", "need", "needle", "needle in 7"};
    for (size_t i = 0; i < 5; i++) {
        logscan_restart(place.scan, &(struct logscan_query){.text = typed[i]});
        uv_run(&place.loop.loop, UV_RUN_NOWAIT);
    }
    assert_int_equal(logscan_counts(place.scan).generation, 6);
    finish(&place);
    assert_int_equal(logscan_counts(place.scan).matches, 2); /* 777, 7770 */
    logfilter_add(&seven, 7);
    logscan_restart(place.scan, &(struct logscan_query){.text = "needle", .filter = &seven});
    finish(&place);
    assert_int_equal(logscan_counts(place.scan).matches, 1); /* 0 alone: 77700 is too far */
    logscan_restart(place.scan, &(struct logscan_query){.text = "#7"});
    finish(&place);
    assert_int_equal(logscan_counts(place.scan).matches, 300);
    logscan_restart(place.scan, &(struct logscan_query){.text = "#7", .bare = true});
    finish(&place);
    assert_int_equal(logscan_counts(place.scan).matches, 0);
    /* Begins before the text and ends in it. */
    logscan_restart(place.scan, &(struct logscan_query){.text = "0.777 a needle in 777"});
    finish(&place);
    assert_int_equal(logscan_counts(place.scan).matches, 1); /* 777 */
    logfilter_done(&seven);
    place_close(&place);
}

static void test_what_is_text(void **state)
{
    static const char *const lines[] = {
        "\033[1m\033[32mCompil\033[0ming tokio",
        "compiling",
        "co\033[31mm",
        "\033]0;compiling\007x",
        "",
        "COMPILIN",
        "xcompilingx",
        "c",
    };
    static const struct {
        const char *text;
        bool exact;
        unsigned lines; /* a bit each */
    } cases[] = {
        {"compiling", false, 0x43}, {"compiling", true, 0x42}, {"Compiling t", true, 0x01},
        {"com", false, 0x67},       {"32m", false, 0},         {"c", false, 0xe7},
        {"g\nc", false, 0},         {"compilingxy", false, 0}, {"", false, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct place place;
        unsigned found = 0;
        place_open(&place);
        for (size_t k = 0; k < sizeof lines / sizeof lines[0]; k++)
            add(&place, 0, lines[k]);
        start(&place, (struct logscan_query){.text = cases[i].text, .exact_case = cases[i].exact});
        for (uint64_t at, from = 0; (at = find(&place, from, 1)) != UINT64_MAX; from = at + 1)
            found |= 1u << at;
        if (found != cases[i].lines)
            fail_msg("%s: %#x", cases[i].text, found);
        place_close(&place);
    }
}

/* Against the simple way, on short lines with few letters, in all directions. */
static void test_like_the_simple_way(void **state)
{
    static char lines[6000][12];
    (void)state;
    for (unsigned seed = 1; seed < 6; seed++) {
        struct place place;
        srand(seed);
        place_open(&place);
        for (unsigned i = 0; i < 6000; i++) {
            size_t len = (size_t)rand() % 11;
            for (size_t k = 0; k < len; k++)
                lines[i][k] = "abABc"[rand() % 5];
            lines[i][len] = '\0';
            add(&place, rand() % 3, lines[i]);
        }
        start(&place, (struct logscan_query){.text = "abba"});
        for (int round = 0; round < 400; round++) {
            uint64_t from = (uint64_t)rand() % 6000, wanted = from;
            int direction = rand() % 2 == 0 ? 1 : -1;
            while (wanted < 6000 && strcasestr(lines[wanted], "abba") == NULL)
                wanted += (uint64_t)(int64_t)direction;
            wanted = wanted < 6000 ? wanted : UINT64_MAX;
            assert_int_equal(find(&place, from, direction), wanted);
        }
        uint64_t count = 0;
        for (unsigned i = 0; i < 6000; i++)
            count += strcasestr(lines[i], "abba") != NULL;
        finish(&place);
        assert_int_equal(logscan_counts(place.scan).matches, count);
        place_close(&place);
    }
}

static void test_freed_under_way(void **state)
{
    struct place place;
    uint64_t number;
    (void)state;
    place_open(&place);
    add_hay(&place, 0, 30000);
    start(&place, (struct logscan_query){.text = "needle"});
    logscan_free(place.scan); /* while its first job runs */
    start(&place, (struct logscan_query){.text = "needle"});
    uv_run(&place.loop.loop, UV_RUN_ONCE);
    buildlog_free(place.log); /* before the scan */
    place.log = NULL;
    assert_int_equal(logscan_find(place.scan, 0, 1, &number), BUILDLOG_GONE);
    logscan_continue(place.scan);
    assert_true(logscan_counts(place.scan).over);
    place_close(&place);
}

/* ----------------------------------------------------------------------- save */

static void on_saved(void *arg, const struct logsave_result *result, const struct err *err)
{
    struct place *place = arg;
    place->saved = true;
    place->result = *result;
    if (err != NULL)
        place->err = *err;
}

static void check_saved(const char *path, unsigned lines, int step_every)
{
    FILE *file = fopen(path, "r");
    char line[128], wanted[128];
    assert_non_null(file);
    for (unsigned i = 0; i < lines; i += (unsigned)step_every) {
        assert_non_null(fgets(line, sizeof line, file));
        snprintf(wanted, sizeof wanted, "#%d 0.%u %s %u\n", i % 100 == 0 ? 7 : 1, i % 1000,
                 i % 777 == 0 ? "a Needle in" : "hay", i);
        assert_string_equal(line, wanted);
    }
    assert_null(fgets(line, sizeof line, file));
    fclose(file);
}

static void test_saves_all(void **state)
{
    struct place place;
    struct logfilter seven = {0};
    (void)state;
    place_open(&place);
    char *path = path_join(place.directory, "saved.log"), *two = path_join(place.directory, "two");
    add_hay(&place, 0, 30000);
    logsave_start(&place.loop.loop, place.log, path, NULL, on_saved, &place);
    add_hay(&place, 30000, 31000); /* later ones are not asked for */
    loop_wait(&place.loop, &place.saved);
    assert_string_equal(place.err.text, "");
    assert_int_equal(place.result.lines, 30000);
    assert_int_equal(place.result.gone, 0);
    check_saved(path, 30000, 1);
    logfilter_add(&seven, 7);
    place.saved = false;
    logsave_start(&place.loop.loop, place.log, two, &seven, on_saved, &place);
    loop_wait(&place.loop, &place.saved);
    assert_int_equal(place.result.lines, 310);
    check_saved(two, 31000, 100);
    place.saved = false;
    logsave_start(&place.loop.loop, place.log, path, NULL, on_saved, &place);
    loop_wait(&place.loop, &place.saved);
    assert_int_equal(place.err.code, -EEXIST);
    check_saved(path, 30000, 1); /* it was left alone */
    logfilter_done(&seven);
    free(path);
    free(two);
    place_close(&place);
}

static void test_saves_nothing_half(void **state)
{
    struct place place;
    struct stat seen;
    (void)state;
    place_open(&place);
    char *path = path_join(place.directory, "saved.log");
    logsave_start(&place.loop.loop, place.log, path, NULL, on_saved, &place); /* an empty log */
    loop_wait(&place.loop, &place.saved);
    assert_int_equal(stat(path, &seen), 0);
    assert_int_equal(seen.st_size, 0);
    assert_int_equal(unlink(path), 0);
    add_hay(&place, 0, 30000);
    place.saved = false;
    struct logsave *save = logsave_start(&place.loop.loop, place.log, path, NULL, on_saved, &place);
    uv_run(&place.loop.loop, UV_RUN_ONCE);
    logsave_cancel(save);
    while (place.loop.loop.active_reqs.count > 0)
        uv_run(&place.loop.loop, UV_RUN_ONCE);
    assert_false(place.saved);
    assert_int_equal(stat(path, &seen), -1);
    logsave_start(&place.loop.loop, place.log, path, NULL, on_saved, &place);
    buildlog_free(place.log);
    place.log = NULL;
    loop_wait(&place.loop, &place.saved);
    assert_int_equal(place.err.code, -ECANCELED);
    assert_int_equal(stat(path, &seen), -1);
    free(path);
    place_close(&place);
}

int main(void)
{
    limit_program(120);
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts_and_finds),
        cmocka_unit_test(test_lines_that_come),
        cmocka_unit_test(test_seeks_something_else),
        cmocka_unit_test(test_what_is_text),
        cmocka_unit_test(test_like_the_simple_way),
        cmocka_unit_test(test_freed_under_way),
        cmocka_unit_test(test_saves_all),
        cmocka_unit_test(test_saves_nothing_half),
    };
    return cmocka_run_group_tests_name("logscan", tests, NULL, NULL);
}
