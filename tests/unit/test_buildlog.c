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
#include "core/build/buildlog.h"
#include "tests/support/limit.h"
#include "tests/support/tempdir.h"

#define LEAST 65536

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
    assert_int_equal(buildlog_end(log), 0);
    assert_int_equal(buildlog_get(log, 0, &line), -1);
    buildlog_free(log);
    buildlog_free(NULL);
}

static void test_lines_come_back(void **state)
{
    (void)state;
    struct buildlog *log = buildlog_new(LEAST);
    buildlog_add(log, 0, 1, "", 0);
    buildlog_add(log, 7, 2, "a\0b", 3);
    buildlog_add(log, 100000, 1, "end", 3);
    struct buildlog_line line;
    check(log, 0, 0, 1, "");
    assert_int_equal(buildlog_get(log, 1, &line), 0);
    assert_int_equal(line.len, 3);
    assert_memory_equal(line.text, "a\0b", 3);
    check(log, 2, 100000, 1, "end");
    assert_int_equal(buildlog_get(log, 3, &line), -1);
    assert_int_equal(buildlog_get(log, UINT64_MAX, &line), -1);
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
            buildlog_add(log, (int)(n % 1000), 1 + (int)(n % 2), text, lengths[i]);
            assert_int_equal(buildlog_end(log), n + 1);
        }
        for (uint64_t n = buildlog_first(log); n < lines; n++, kept += 1) {
            memset(text, (int)('a' + n % 26), lengths[i]);
            text[lengths[i]] = '\0';
            check(log, n, (int)(n % 1000), 1 + (int)(n % 2), text);
        }
        struct buildlog_line line;
        assert_int_equal(buildlog_get(log, buildlog_first(log) - 1, &line), -1);
        /* No more than was promised, and most of that is used. */
        assert_true(kept * (lengths[i] + 8) <= LEAST);
        assert_true(kept * (lengths[i] + 8) >= LEAST / 2);
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
    buildlog_add(log, 1, 1, "before", 6);
    buildlog_add(log, 3, 2, text, 20000);
    buildlog_add(log, 1, 1, "after", 5);
    size_t len = 0;
    struct buildlog_line line;
    for (uint64_t n = 1; n + 1 < buildlog_end(log); n++) {
        assert_int_equal(buildlog_get(log, n, &line), 0);
        assert_int_equal(line.step, 3);
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
            uint32_t ends[10];
            size_t at = 0;
            for (size_t i = 0; i < 10; i++) {
                size_t len = length > 0 ? (length + i * 7 + round) % (length + 1) : 0;
                memset(text + at, (int)('a' + i), len);
                buildlog_add(single, (int)round, 2, text + at, len);
                text[at + len] = '\n';
                at += len + 1;
                ends[i] = (uint32_t)at;
            }
            buildlog_add_lines(many, (int)round, 2, text, ends, 10);
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
        buildlog_add(log, (int)(i % 5), 1, text, (size_t)snprintf(text, sizeof text, "line %u", i));
}

/* What memory has no room for is still there, in any order of reading. */
static void test_spill(void **state)
{
    (void)state;
    char *directory = tempdir_new(), *inside = mem_printf("%s/state", directory), text[64];
    struct buildlog *log = buildlog_new(LEAST);
    buildlog_spill_to(log, NULL, inside);
    add_numbered(log, 0, 50000);
    assert_int_equal(buildlog_first(log), 0);
    assert_int_equal(buildlog_end(log), 50000);
    for (unsigned i = 0; i < 50000; i++) {
        unsigned number = i % 2 == 0 ? i : 50000 - i;
        snprintf(text, sizeof text, "line %u", number);
        check(log, number, (int)(number % 5), 1, text);
    }
    add_numbered(log, 50000, 60000); /* after reading */
    check(log, 0, 0, 1, "line 0");
    check(log, 59999, 4, 1, "line 59999");
    assert_int_equal(buildlog_spill_error(log), 0);
    assert_int_equal(rmdir(inside), 0); /* no name of it is left */
    buildlog_free(log);
    free(inside);
    tempdir_free(directory);
}

/* Without a place for the file the oldest lines go, and it says so. */
static void test_spill_fails(void **state)
{
    (void)state;
    struct buildlog *log = buildlog_new(LEAST);
    buildlog_spill_to(log, NULL, "/proc/nowhere/at-all");
    add_numbered(log, 0, 50000);
    assert_true(buildlog_spill_error(log) < 0);
    assert_true(buildlog_first(log) > 0);
    check(log, 49999, 4, 1, "line 49999");
    buildlog_free(log);
}

/* A disk that gets full on the way: what had gone to the file goes, too, so
 * that what is left has no gap. */
static void test_spill_gets_full(void **state)
{
    (void)state;
    char *directory = tempdir_new();
    struct buildlog *log = buildlog_new(LEAST);
    struct rlimit before, small = {0};
    buildlog_spill_to(log, NULL, directory);
    add_numbered(log, 0, 10000);
    assert_int_equal(buildlog_first(log), 0);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = (struct rlimit){.rlim_cur = 200000, .rlim_max = before.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    add_numbered(log, 10000, 60000);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_true(buildlog_spill_error(log) < 0);
    uint64_t first = buildlog_first(log);
    assert_true(first > 10000);
    for (uint64_t i = first; i < 60000; i++) {
        char text[64];
        snprintf(text, sizeof text, "line %u", (unsigned)i);
        check(log, i, (int)(i % 5), 1, text);
    }
    buildlog_free(log);
    tempdir_free(directory);
}

int main(void)
{
    limit_program(60);
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_spill),
        cmocka_unit_test(test_spill_fails),
        cmocka_unit_test(test_spill_gets_full),
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_lines_come_back),
        cmocka_unit_test(test_overflow),
        cmocka_unit_test(test_long_line),
        cmocka_unit_test(test_many_at_once),
    };
    return cmocka_run_group_tests_name("buildlog", tests, NULL, NULL);
}
