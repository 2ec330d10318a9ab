/* Records in use that no build explains, and what tells them from a running build's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/history/engine_builds.h"
#include "core/store/leaks.h"
#include "tests/support/limit.h"
#include "tests/support/tempdir.h"

#define MINUTE (60 * CLOCK_SECOND)

/* Docker 29.7 during a build, after one that failed and one that was interrupted. */
static struct builder *recorded(struct store *store)
{
    struct records records;
    size_t len;
    char *text = data_read("engine/api-1.55-system-df-during-build-and-leaked.json", &len);
    assert_int_equal(records_parse_df(text, len, &records, NULL), 0);
    free(text);
    store_set_records(store, "default", &records);
    struct builder *builder = store_put_builder(store, "default");
    builder->embedded = true;
    mem_replace(&builder->version, "29.7.2");
    return builder;
}

static struct history_build *history(size_t *len)
{
    size_t text_len;
    char *text = data_read("engine/buildx-0.36-history-ls-running.stdout.jsonl", &text_len);
    struct history_build *builds = engine_builds_parse(text, text_len, len);
    free(text);
    assert_int_equal(*len, 3);
    assert_int_equal(builds[0].state, BUILD_RUNNING);
    return builds;
}

static size_t count_leaked(const struct builder *builder)
{
    size_t count = 0;
    for (size_t i = 0; i < builder->records.len; i++)
        count += builder->records.items[i].leaked;
    return count;
}

static bool leaks(const struct builder *builder, const char *id)
{
    for (size_t i = 0; i < builder->records.len; i++)
        if (strncmp(builder->records.items[i].id, id, strlen(id)) == 0)
            return builder->records.items[i].leaked;
    fail_msg("no record %s", id);
    return false;
}

static int64_t at(const char *text)
{
    int64_t time = 0;
    assert_true(clock_parse(text, &time));
    return time;
}

static void test_a_running_build_keeps_its_records(void **state)
{
    struct store *store = store_new();
    struct builder *builder = recorded(store);
    size_t len;
    struct history_build *builds = history(&len);
    (void)state;
    assert_true(leaks_are_open(builder));
    leaks_told(builder, builds, len, at("2026-11-30T15:45:31Z"));
    /* The context of the build that failed, the step of the one that was interrupted. */
    assert_true(leaks(builder, "toex0o4q"));
    assert_true(leaks(builder, "08b8s0z7"));
    assert_false(leaks(builder, "uf9ah5tj"));
    assert_false(leaks(builder, "jd3be1vs"));
    assert_int_equal(count_leaked(builder), 2);
    char *sign = leaks_build_sign(store);
    assert_string_equal(sign, "a build runs on builder default: p1/Dockerfile.slow");
    free(sign);
    history_builds_free(builds, len);
    store_free(store);
}

static void test_when_none_runs_all_in_use_is_leaked(void **state)
{
    struct store *store = store_new();
    struct builder *builder = recorded(store);
    size_t len;
    struct history_build *builds = history(&len);
    (void)state;
    leaks_told(builder, builds + 1, len - 1, at("2026-11-30T16:00:00Z"));
    assert_int_equal(count_leaked(builder), 9);
    assert_null(leaks_build_sign(store));
    assert_false(leaks_are_open(builder));
    history_builds_free(builds, len);
    store_free(store);
}

static void test_leaks_are_remembered_until_they_are_not_in_use(void **state)
{
    struct store *store = store_new();
    (void)state;
    leaks_told(recorded(store), NULL, 0, at("2026-11-30T16:00:00Z"));
    struct builder *builder = recorded(store); /* read again */
    assert_int_equal(count_leaked(builder), 9);
    assert_false(leaks_are_open(builder));
    assert_null(leaks_build_sign(store));
    /* The engine has restarted: nothing is in use. Later the same ids are again. */
    struct records none = {0};
    store_set_records(store, "default", &none);
    builder = recorded(store);
    assert_int_equal(count_leaked(builder), 0);
    assert_true(leaks_are_open(builder));
    store_free(store);
}

/* Its records may have been in use when they were read: in a later build they would
 * be taken for leaked. */
static void test_right_after_a_build_nothing_is_remembered(void **state)
{
    struct store *store = store_new();
    struct builder *builder = recorded(store);
    size_t len;
    struct history_build *builds = history(&len);
    (void)state;
    leaks_told(builder, builds + 1, len - 1, at("2026-11-30T15:45:40Z"));
    assert_null(leaks_build_sign(store));
    builder = recorded(store);
    assert_int_equal(count_leaked(builder), 0);
    assert_true(leaks_are_open(builder));
    history_builds_free(builds, len);
    store_free(store);
}

static void test_without_a_history_age_decides(void **state)
{
    static const struct {
        const char *version;
        int64_t after; /* since the last source came */
        bool sign;
    } cases[] = {
        {"29.7.2", 30 * MINUTE, true},  {"29.7.2", 61 * MINUTE, false},
        {"29.6.0", 61 * MINUTE, false}, {"30.0.0", 61 * MINUTE, false},
        {"29.5.9", 61 * MINUTE, true},  {"26.1.5", 61 * MINUTE, true}, /* such don't leak them */
        {"28.5.2", 61 * MINUTE, true},  {"dev", 61 * MINUTE, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct store *store = store_new();
        struct builder *builder = recorded(store);
        mem_replace(&builder->version, cases[i].version);
        leaks_untold(builder, at("2026-11-30T15:45:28.3Z") + cases[i].after);
        char *sign = leaks_build_sign(store);
        if ((sign != NULL) != cases[i].sign)
            fail_msg("case %zu: %s", i, sign != NULL ? sign : "no sign");
        free(sign);
        store_free(store);
    }
}

/* buildx lists the newest 50: a build that began before them may still run. */
static void test_a_list_that_is_cut_proves_nothing_about_older_records(void **state)
{
    struct history_build builds[50] = {0};
    (void)state;
    for (int old = 0; old < 2; old++) {
        struct store *store = store_new();
        struct builder *builder = recorded(store);
        int64_t now = at("2026-11-30T15:50:00Z") + old * 60 * MINUTE;
        for (size_t i = 0; i < 50; i++)
            builds[i] = (struct history_build){
                .state = BUILD_DONE, .duration_ms = 1, .started_at = at("2026-11-30T15:48:00Z")};
        leaks_told(builder, builds, 50, now);
        char *sign = leaks_build_sign(store);
        assert_int_equal(sign == NULL, old == 1);
        free(sign);
        leaks_told(builder, builds, 49, now);
        assert_null(leaks_build_sign(store));
        store_free(store);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_running_build_keeps_its_records),
        cmocka_unit_test(test_when_none_runs_all_in_use_is_leaked),
        cmocka_unit_test(test_leaks_are_remembered_until_they_are_not_in_use),
        cmocka_unit_test(test_right_after_a_build_nothing_is_remembered),
        cmocka_unit_test(test_without_a_history_age_decides),
        cmocka_unit_test(test_a_list_that_is_cut_proves_nothing_about_older_records),
    };
    limit_program(60);
    return cmocka_run_group_tests_name("leaks", tests, NULL, NULL);
}
