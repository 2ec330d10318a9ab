/* Builds that the engine remembers, beside bilge's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/builds/build.h"
#include "core/history/engine_builds.h"
#include "tests/support/limit.h"
#include "tests/support/tempdir.h"

#define S INT64_C(1000000000)

static void test_recorded(void **state)
{
    (void)state;
    size_t len, text_len;
    char *text = data_read("engine/buildx-0.29-history-ls.jsonl", &text_len);
    struct history_build *builds = engine_builds_parse(text, text_len, &len);
    int64_t at;
    assert_int_equal(len, 9);
    assert_string_equal(builds[0].service, "fail");
    assert_int_equal(builds[0].state, BUILD_FAILED);
    assert_string_equal(builds[0].ref, "default/default/wuv3uabjbwaf4jd2fwe23m6kf");
    assert_int_equal(builds[0].told_steps, 5);
    assert_int_equal(builds[0].told_cached, 1);
    assert_int_equal(builds[0].duration_ms, 1343);
    assert_true(clock_parse("2026-11-22T14:19:28.662832799Z", &at));
    assert_true(builds[0].started_at == at);
    assert_int_equal(builds[1].state, BUILD_DONE);
    size_t cached, steps = history_build_steps(&builds[1], &cached);
    assert_int_equal(steps, 13);
    assert_int_equal(cached, 0);
    history_builds_free(builds, len);
    free(text);
}

/* Docker 29.7, buildx 0.36; a running build has no end. */
static void test_newest(void **state)
{
    (void)state;
    size_t len, text_len;
    char *text = data_read("engine/buildx-0.36-history-ls.stdout.jsonl", &text_len);
    struct history_build *builds = engine_builds_parse(text, text_len, &len);
    assert_int_equal(len, 4);
    assert_string_equal(builds[0].service, "p1/Dockerfile.worker");
    assert_int_equal(builds[0].state, BUILD_DONE);
    assert_int_equal(builds[0].told_steps, 14);
    assert_int_equal(builds[0].told_cached, 7);
    assert_int_equal(builds[0].duration_ms, 1119);
    history_builds_free(builds, len);
    free(text);
    text = data_read("engine/buildx-0.36-history-ls-running.stdout.jsonl", &text_len);
    builds = engine_builds_parse(text, text_len, &len);
    assert_int_equal(len, 3);
    assert_int_equal(builds[0].state, BUILD_RUNNING);
    assert_int_equal(builds[0].duration_ms, 0);
    assert_int_equal(builds[1].state, BUILD_FAILED);
    history_builds_free(builds, len);
    free(text);
}

static void test_strange(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t rows;
    } cases[] = {
        {"", 0},
        {"Usage:  docker buildx [OPTIONS] COMMAND\n", 0},
        {"{}\n[]\n{\"ref\":1}\n", 0},
        {"{\"ref\":\"r\",\"name\":\"n\",\"status\":\"Completed\"}\n", 0}, /* no time */
        {"{\"ref\":\"r\",\"name\":\"n\",\"status\":\"?\",\"created_at\":\"2026-01-01T00:00:00Z\"}",
         1},
        {"{\"ref\":\"r\",\"name\":\"n\",\"status\":\"Running\",\"created_at\":\"2026-01-01T00:00:"
         "00Z\","
         "\"completed_steps\":-5,\"cached_steps\":1e300}\n{\"ref",
         1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t len;
        struct history_build *builds =
            engine_builds_parse(cases[i].text, strlen(cases[i].text), &len);
        assert_int_equal(len, cases[i].rows);
        for (size_t j = 0; j < len; j++)
            assert_int_equal(builds[j].told_steps + builds[j].told_cached, 0);
        history_builds_free(builds, len);
    }
    size_t len, text_len;
    char *text = data_read("engine/buildx-0.13-history-ls.txt", &text_len);
    free(engine_builds_parse(text, text_len, &len));
    assert_int_equal(len, 0);
    free(text);
}

struct row {
    const char *service, *tools;
    int64_t start, took; /* seconds */
};

static struct history_build *make(const struct row *rows, size_t len, bool other)
{
    struct history_build *builds = mem_zalloc((len + 1) * sizeof *builds);
    for (size_t i = 0; i < len; i++) {
        builds[i].id = other ? 0 : (int64_t)(i + 1);
        builds[i].service = mem_strdup(rows[i].service);
        builds[i].started_at = rows[i].start * S;
        builds[i].duration_ms = rows[i].took * 1000;
        mem_replace(&builds[i].tools, rows[i].tools);
        mem_replace(&builds[i].ref, other ? rows[i].service : NULL);
    }
    return builds;
}

static void test_merge(void **state)
{
    (void)state;
    static const struct row own[] = {
        {"api", NULL, 1000, 60},
        {"web", NULL, 1000, 60},
        {"", NULL, 2000, 60},
        {"old", "compose 1, traditional", 3000, 60},
    };
    static const struct row others[] = {
        {"api", NULL, 1001, 50},            /* ours */
        {"Dockerfile.web", NULL, 1001, 50}, /* ours, by another name */
        {"short", NULL, 1010, 5},           /* a third one while two ran: another's */
        {"api", NULL, 1030, 300},           /* went on after ours: another's */
        {"x", NULL, 2001, 5},
        {"y", NULL, 2001, 5},   /* ours: all services */
        {"old", NULL, 3001, 5}, /* the traditional way leaves no record */
        {"api", NULL, 500, 5},
    };
    static const char *const expected[] = {"old", "old", "", "api", "short", "web", "api", "api"};
    size_t len;
    struct history_build *merged =
        engine_builds_merge(make(own, 4, false), 4, make(others, 8, true), 8, 100, &len);
    assert_int_equal(len, sizeof expected / sizeof expected[0]);
    for (size_t i = 0; i < len; i++)
        assert_string_equal(merged[i].service, expected[i]);
    assert_non_null(merged[0].ref);
    assert_null(merged[1].ref);
    assert_non_null(merged[3].ref);
    history_builds_free(merged, len);
    merged = engine_builds_merge(make(own, 4, false), 4, make(others, 8, true), 8, 3, &len);
    assert_int_equal(len, 3);
    history_builds_free(merged, len);
    merged = engine_builds_merge(NULL, 0, NULL, 0, 3, &len);
    assert_int_equal(len, 0);
    history_builds_free(merged, len);
}

int main(void)
{
    limit_program(60);
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_recorded),
        cmocka_unit_test(test_newest),
        cmocka_unit_test(test_strange),
        cmocka_unit_test(test_merge),
    };
    return cmocka_run_group_tests_name("elsewhere", tests, NULL, NULL);
}
