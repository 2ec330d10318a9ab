#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/mem.h"
#include "core/builds/log/buildlog.h"
#include "core/builds/log/logblock.h"
#include "tests/support/limit.h"
#include "tests/support/loop.h"
#include "tests/support/tempdir.h"

#define LEAST 65536

static void add(struct buildlog *log, int step, int stream, const char *text, size_t len)
{
    buildlog_add(log,
                 &(struct buildlog_line){.text = text, .len = len, .step = step, .stream = stream});
}

static void check(const struct buildlog *log, uint64_t number, int step, int stream,
                  const char *text)
{
    struct buildlog_line line;
    assert_int_equal(buildlog_get(log, number, &line), 0);
    assert_int_equal(line.len, strlen(text));
    assert_memory_equal(line.text, text, line.len);
    assert_int_equal(line.step, step);
    assert_int_equal(line.stream, stream);
}

static void test_empty(void **state)
{
    (void)state;
    struct buildlog *log = buildlog_new(0);
    struct buildlog_line line;
    assert_int_equal(buildlog_first(log), 0);
    assert_int_equal(buildlog_first_in_memory(log), 0);
    assert_int_equal(buildlog_end(log), 0);
    assert_int_equal(buildlog_get(log, 0, &line), -1);
    buildlog_free(log);
    buildlog_free(NULL);
}

static void test_lines_come_back(void **state)
{
    (void)state;
    struct buildlog *log = buildlog_new(LEAST);
    add(log, 0, 1, "", 0);
    add(log, 7, 2, "a\0b", 3);
    add(log, LOGLINE_STEP_MAX, 1, "end", 3);
    struct buildlog_line line;
    check(log, 0, 0, 1, "");
    assert_int_equal(buildlog_get(log, 1, &line), 0);
    assert_int_equal(line.len, 3);
    assert_memory_equal(line.text, "a\0b", 3);
    check(log, 2, LOGLINE_STEP_MAX, 1, "end");
    assert_int_equal(buildlog_get(log, 3, &line), -1);
    assert_int_equal(buildlog_get(log, UINT64_MAX, &line), -1);
    buildlog_free(log);
}

/* What people see is made of the fields, and the fields come back. */
static void test_rendered(void **state)
{
    (void)state;
    static const struct {
        struct buildlog_line line;
        const char *shown;
    } cases[] = {
        {{.text = "plain", .len = 5}, "plain"},
        {{.text = "DONE 1.2s", .len = 9, .step = 7, .number = 5, .kind = LOG_STATE},
         "#5 DONE 1.2s"},
        {{.text = "a", .len = 1, .number = 10000, .time = 0, .decimals = 3}, "#10000 0.000 a"},
        {{.text = "a", .len = 1, .number = 5, .time = 42, .decimals = 2}, "#5 0.42 a"},
        {{.text = "", .len = 0, .number = 5, .time = 7, .decimals = 3}, "#5 0.007 "},
        {{.text = "#7 1.23 a",
          .len = 9,
          .step = 5,
          .number = 5,
          .kind = LOG_OUTPUT,
          .time = 1015,
          .decimals = 1},
         "#5 101.5 #7 1.23 a"},
        {{.text = "a", .len = 1, .number = INT16_MAX, .time = UINT32_MAX, .decimals = 9},
         "#32767 4.294967295 a"},
    };
    struct buildlog *log = buildlog_new(LEAST);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf shown = {0};
        struct buildlog_line line;
        buildlog_add(log, &cases[i].line);
        assert_int_equal(buildlog_get(log, i, &line), 0);
        assert_int_equal(line.step, cases[i].line.step);
        assert_int_equal(line.kind, cases[i].line.kind);
        logline_append(&shown, &line);
        assert_string_equal(shown.data, cases[i].shown);
        buf_done(&shown);
    }
    buildlog_free(log);
}

/* The oldest go, the newest stay, each whole, whatever their lengths. */
static void test_overflow(void **state)
{
    (void)state;
    static const size_t lengths[] = {0, 1, 7, 8, 9, 100, 1000, 1300};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        struct buildlog *log = buildlog_new(LEAST);
        char text[2048];
        uint64_t kept = 0, lines = 40000;
        for (uint64_t n = 0; n < lines; n++) {
            memset(text, (int)('a' + n % 26), lengths[i]);
            add(log, (int)(n % 1000), 1 + (int)(n % 2), text, lengths[i]);
            assert_int_equal(buildlog_end(log), n + 1);
        }
        for (uint64_t n = buildlog_first(log); n < lines; n++, kept += 1) {
            memset(text, (int)('a' + n % 26), lengths[i]);
            text[lengths[i]] = '\0';
            check(log, n, (int)(n % 1000), 1 + (int)(n % 2), text);
        }
        struct buildlog_line line;
        assert_int_equal(buildlog_get(log, buildlog_first(log) - 1, &line), -1);
        /* No more than was promised; a part of that is for what is read back. */
        size_t bytes = lengths[i] + sizeof(struct logblock_entry);
        assert_true(kept * bytes <= LEAST);
        assert_true(kept * bytes >= LEAST * 2 / 5);
        buildlog_free(log);
    }
}

/* A line that no block could hold comes in pieces; nothing is lost. */
static void test_long_line(void **state)
{
    (void)state;
    struct buildlog *log = buildlog_new(LEAST);
    char *text = mem_alloc(20000), *joined = mem_alloc(20000);
    for (size_t i = 0; i < 20000; i++)
        text[i] = (char)('a' + i % 23);
    add(log, 1, 1, "before", 6);
    buildlog_add(log, &(struct buildlog_line){.text = text,
                                              .len = 20000,
                                              .step = 3,
                                              .number = 3,
                                              .stream = 2,
                                              .kind = LOG_OUTPUT,
                                              .time = 42,
                                              .decimals = 2});
    add(log, 1, 1, "after", 5);
    size_t len = 0;
    struct buildlog_line line;
    for (uint64_t n = 1; n + 1 < buildlog_end(log); n++) {
        assert_int_equal(buildlog_get(log, n, &line), 0);
        assert_int_equal(line.step, 3);
        assert_int_equal(line.kind, LOG_OUTPUT);
        assert_int_equal(line.number, n == 1 ? 3 : 0); /* shown once */
        assert_int_equal(line.decimals, n == 1 ? 2 : 0);
        memcpy(joined + len, line.text, line.len);
        len += line.len;
    }
    assert_int_equal(len, 20000);
    assert_memory_equal(joined, text, len);
    check(log, buildlog_end(log) - 1, 1, 1, "after");
    free(text);
    free(joined);
    buildlog_free(log);
}

/* Many lines at once are the same as one after the other. */
static void test_many_at_once(void **state)
{
    (void)state;
    for (size_t length = 0; length < 6000; length = length * 3 + 1) {
        struct buildlog *many = buildlog_new(LEAST), *single = buildlog_new(LEAST);
        for (size_t round = 0; round < 300; round++) {
            static char text[10 * 6001];
            struct buildlog_line lines[10];
            size_t at = 0;
            for (size_t i = 0; i < 10; i++) {
                size_t len = length > 0 ? (length + i * 7 + round) % (length + 1) : 0;
                memset(text + at, (int)('a' + i), len);
                lines[i] = (struct buildlog_line){
                    .text = text + at, .len = len, .step = (int)round, .stream = 2};
                buildlog_add(single, &lines[i]);
                at += len;
            }
            buildlog_add_lines(many, lines, 10);
        }
        assert_int_equal(buildlog_end(many), buildlog_end(single));
        assert_int_equal(buildlog_first(many), buildlog_first(single));
        for (uint64_t n = buildlog_first(many); n < buildlog_end(many); n++) {
            struct buildlog_line a, b;
            assert_int_equal(buildlog_get(many, n, &a), 0);
            assert_int_equal(buildlog_get(single, n, &b), 0);
            assert_int_equal(a.len, b.len);
            assert_memory_equal(a.text, b.text, a.len);
            assert_int_equal(a.step, b.step);
            assert_int_equal(a.stream, b.stream);
        }
        buildlog_free(many);
        buildlog_free(single);
    }
}

static void add_numbered(struct buildlog *log, unsigned from, unsigned to)
{
    char text[64];
    for (unsigned i = from; i < to; i++)
        add(log, (int)(i % 5), 1, text, (size_t)snprintf(text, sizeof text, "line %u", i));
}

/* ------------------------------------------------------------------ the file */

struct place {
    struct loop_fixture loop;
    char *directory, *inside;
    struct buildlog *log;
    bool room;
    size_t loaded;
};

static void on_room(void *arg)
{
    struct place *place = arg;
    place->room = true;
}

static void on_loaded(void *arg)
{
    struct place *place = arg;
    place->loaded++;
}

static void place_open(struct place *place, const char *where)
{
    *place = (struct place){0};
    loop_open(&place->loop, 60000);
    place->directory = tempdir_new();
    place->inside = where != NULL ? mem_strdup(where) : mem_printf("%s/state", place->directory);
    place->log = buildlog_new(LEAST);
    buildlog_spill_to(place->log, &place->loop.loop, place->inside);
    buildlog_on_room(place->log, on_room, place);
    buildlog_on_loaded(place->log, on_loaded, place);
}

static void place_close(struct place *place)
{
    buildlog_free(place->log);
    loop_finish(&place->loop);
    free(place->inside);
    tempdir_free(place->directory);
}

/* As the runner does: who is ahead of the file waits. */
static void add_in_time(struct place *place, unsigned from, unsigned to)
{
    while (from < to) {
        unsigned some = to - from < 100 ? to - from : 100;
        place->room = false;
        add_numbered(place->log, from, from + some);
        from += some;
        if (buildlog_is_behind(place->log))
            loop_wait(&place->loop, &place->room);
    }
}

/* Until nothing is written or read. */
static void settle(struct place *place)
{
    while (place->loop.loop.active_reqs.count > 0)
        uv_run(&place->loop.loop, UV_RUN_ONCE);
}

/* Reads it back, if need be; the loop goes on meanwhile. */
static int get(struct place *place, uint64_t number, struct buildlog_line *ret_line)
{
    int code;
    while ((code = buildlog_get(place->log, number, ret_line)) == BUILDLOG_LOADING)
        uv_run(&place->loop.loop, UV_RUN_ONCE);
    return code;
}

static void check_number(struct place *place, unsigned number)
{
    char text[64];
    struct buildlog_line line;
    assert_int_equal(get(place, number, &line), 0);
    snprintf(text, sizeof text, "line %u", number);
    assert_int_equal(line.len, strlen(text));
    assert_memory_equal(line.text, text, line.len);
    assert_int_equal(line.step, number % 5);
}

/* What memory has no room for is still there, in any order of reading. */
static void test_spill(void **state)
{
    struct place place;
    (void)state;
    place_open(&place, NULL);
    add_in_time(&place, 0, 50000);
    assert_int_equal(buildlog_first(place.log), 0);
    assert_int_equal(buildlog_end(place.log), 50000);
    uint64_t first = buildlog_first_in_memory(place.log);
    assert_true(first >= 1 && first <= 49999);
    for (unsigned i = 0; i < 50000; i += 7)
        check_number(&place, i % 2 == 0 ? i : 49999 - i);
    assert_true(place.loaded > 0);
    add_in_time(&place, 50000, 60000); /* after reading */
    check_number(&place, 0);
    check_number(&place, 59999);
    assert_int_equal(buildlog_spill_error(place.log), 0);
    assert_int_equal(rmdir(place.inside), 0); /* no name of it is left */
    place_close(&place);
}

/* Who does not wait loses nothing either. */
static void test_spill_lags_behind(void **state)
{
    struct place place;
    (void)state;
    place_open(&place, NULL);
    add_numbered(place.log, 0, 50000);
    assert_true(buildlog_is_behind(place.log));
    assert_int_equal(buildlog_first(place.log), 0);
    loop_wait(&place.loop, &place.room);
    assert_false(buildlog_is_behind(place.log));
    for (unsigned i = 0; i < 50000; i += 500)
        check_number(&place, i);
    place_close(&place);
}

/* Given up while the file is written, while it is read: nothing stays behind. */
static void test_freed_under_way(void **state)
{
    struct place place;
    struct buildlog_line line;
    (void)state;
    place_open(&place, NULL);
    add_numbered(place.log, 0, 50000);
    place_close(&place);
    place_open(&place, NULL);
    add_in_time(&place, 0, 50000);
    assert_int_equal(buildlog_get(place.log, 0, &line), BUILDLOG_LOADING);
    place_close(&place);
    assert_int_equal(place.loaded, 0);
}

/* ---- a disk that does not answer: all threads of the pool wait for it */

struct stall {
    uv_work_t works[128];
    uv_sem_t go_on;
    size_t len;
};

static void stall_run(uv_work_t *work)
{
    struct stall *stall = work->data;
    uv_sem_wait(&stall->go_on);
}

static void stall_begin(struct stall *stall, uv_loop_t *loop)
{
    const char *size = getenv("UV_THREADPOOL_SIZE");
    stall->len = size != NULL && atoi(size) > 0 && atoi(size) < 128 ? (size_t)atoi(size) : 4;
    uv_sem_init(&stall->go_on, 0);
    for (size_t i = 0; i < stall->len; i++) {
        stall->works[i].data = stall;
        uv_queue_work(loop, &stall->works[i], stall_run, NULL);
    }
}

static void stall_end(struct stall *stall)
{
    for (size_t i = 0; i < stall->len; i++)
        uv_sem_post(&stall->go_on);
}

/* Nobody waits for it but who would add still more; nothing is lost. */
static void test_stalled_disk(void **state)
{
    struct stall stall;
    struct place place;
    struct buildlog_line line;
    unsigned added = 0;
    (void)state;
    place_open(&place, NULL);
    stall_begin(&stall, &place.loop.loop);
    for (; !buildlog_is_behind(place.log); added += 100)
        add_numbered(place.log, added, added + 100);
    assert_true(added * 10 < LEAST); /* still within the bound */
    for (int i = 0; i < 20; i++)
        uv_run(&place.loop.loop, UV_RUN_NOWAIT);
    assert_false(place.room);
    assert_int_equal(buildlog_get(place.log, 0, &line), 0);
    add_numbered(place.log, added, added + 5000); /* who can't wait loses nothing */
    assert_int_equal(buildlog_get(place.log, 0, &line), 0);
    stall_end(&stall);
    loop_wait(&place.loop, &place.room);
    settle(&place);
    add_in_time(&place, added + 5000, added + 20000);
    for (unsigned i = 0; i < added + 20000; i += 50)
        check_number(&place, i);
    uv_sem_destroy(&stall.go_on);
    place_close(&place);
}

/* Without a place for the file the oldest lines go, and it says so. */
static void test_spill_fails(void **state)
{
    struct place place;
    (void)state;
    place_open(&place, "/proc/nowhere/at-all");
    add_in_time(&place, 0, 50000);
    assert_true(buildlog_spill_error(place.log) < 0);
    assert_true(buildlog_first(place.log) > 0);
    check_number(&place, 49999);
    place_close(&place);
}

/* A disk that gets full on the way: the file grows no further, and its oldest
 * lines give way to newer ones, without a gap. */
static void test_spill_gets_full(void **state)
{
    struct place place;
    struct rlimit before, small = {0};
    (void)state;
    place_open(&place, NULL);
    add_in_time(&place, 0, 10000);
    assert_int_equal(buildlog_first(place.log), 0);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = (struct rlimit){.rlim_cur = 300000, .rlim_max = before.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    add_in_time(&place, 10000, 60000);
    settle(&place);
    uint64_t end = buildlog_end(place.log), first = buildlog_first(place.log);
    assert_true(buildlog_spill_error(place.log) < 0);
    assert_true(first > 10000);
    /* More than memory could hold: the file still serves. */
    assert_true((end - first) * 18 > 2 * LEAST);
    for (uint64_t i = first; i < end; i++)
        check_number(&place, (unsigned)i);
    struct buildlog_line line;
    assert_int_equal(get(&place, first - 1, &line), BUILDLOG_GONE);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    place_close(&place);
}

/* ------------------------------------------------------------ lines of steps */

static uint64_t seek(struct place *place, const struct logfilter *filter, uint64_t from,
                     int direction)
{
    uint64_t number = UINT64_MAX;
    while (buildlog_seek(place->log, filter, from, direction, &number) == BUILDLOG_LOADING)
        uv_run(&place->loop.loop, UV_RUN_ONCE);
    return number;
}

static void test_steps(void **state)
{
    struct place place;
    struct logfilter filter = {0}, rare = {0}, none = {0};
    (void)state;
    place_open(&place, NULL);
    add_in_time(&place, 0, 20000);
    add(place.log, 77, 1, "rare", 4);
    add_in_time(&place, 20001, 60000);
    logfilter_add(&filter, 3);
    logfilter_add(&filter, 4);
    logfilter_add(&rare, 77);
    logfilter_add(&none, 78);
    assert_int_equal(buildlog_count(place.log, &filter), 24000);
    assert_int_equal(buildlog_count(place.log, &rare), 1);
    assert_int_equal(seek(&place, &filter, 0, 1), 3);
    assert_int_equal(seek(&place, &filter, 5, 1), 8);
    assert_int_equal(seek(&place, &filter, 7, -1), 4);
    assert_int_equal(seek(&place, &filter, 2, -1), UINT64_MAX);
    assert_int_equal(seek(&place, &filter, UINT64_MAX, -1), 59999);
    assert_int_equal(seek(&place, &filter, 60000, 1), UINT64_MAX);
    assert_int_equal(seek(&place, &rare, 0, 1), 20000);
    assert_int_equal(seek(&place, &rare, 59999, -1), 20000);
    assert_int_equal(seek(&place, &rare, 20001, 1), UINT64_MAX);
    assert_int_equal(seek(&place, &none, 0, 1), UINT64_MAX);
    /* What holds none is not read: that last one came at once. */
    size_t loaded = place.loaded;
    seek(&place, &none, 59999, -1);
    assert_int_equal(place.loaded, loaded);
    logfilter_done(&filter);
    logfilter_done(&rare);
    logfilter_done(&none);
    place_close(&place);
}

/* Last lines of steps are kept at hand once they were read, in whatever blocks
 * they are. */
static void test_glances(void **state)
{
    struct place place;
    struct buildlog_line line;
    (void)state;
    place_open(&place, NULL);
    add_in_time(&place, 0, 60000);
    size_t there = 0, rounds = 0;
    while (there < 40) {
        there = 0;
        for (unsigned i = 0; i < 40; i++)
            there += buildlog_glance(place.log, i * 997, &line) == 0;
        if (there < 40)
            uv_run(&place.loop.loop, UV_RUN_ONCE);
        assert_true(++rounds < 10000);
    }
    size_t loaded = place.loaded;
    for (unsigned i = 0; i < 40; i++) {
        char text[64];
        assert_int_equal(buildlog_glance(place.log, i * 997, &line), 0);
        snprintf(text, sizeof text, "line %u", i * 997);
        assert_int_equal(line.len, strlen(text));
        assert_memory_equal(line.text, text, line.len);
    }
    assert_int_equal(place.loaded, loaded);
    place_close(&place);
}

int main(void)
{
    limit_program(60);
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_spill),           cmocka_unit_test(test_spill_fails),
        cmocka_unit_test(test_spill_gets_full), cmocka_unit_test(test_spill_lags_behind),
        cmocka_unit_test(test_freed_under_way), cmocka_unit_test(test_stalled_disk),
        cmocka_unit_test(test_steps),           cmocka_unit_test(test_glances),
        cmocka_unit_test(test_empty),           cmocka_unit_test(test_lines_come_back),
        cmocka_unit_test(test_rendered),        cmocka_unit_test(test_overflow),
        cmocka_unit_test(test_long_line),       cmocka_unit_test(test_many_at_once),
    };
    return cmocka_run_group_tests_name("buildlog", tests, NULL, NULL);
}
