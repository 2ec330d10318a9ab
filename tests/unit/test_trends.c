/* How the sizes of a cache went, from what history sampled. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/app/memory.h"
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/history/history.h"
#include "tests/support/limit.h"
#include "tests/support/tempdir.h"

static char id[] = "/c/api"; /* of the row */

#define MINUTE (60 * CLOCK_SECOND)
#define NOW (INT64_C(1790000000) * CLOCK_SECOND)

static void test_each_size_once(void **state)
{
    /* The newest last; 0 ends the row. */
    static const struct {
        int64_t samples[16], trend[SERVICE_TREND + 1];
    } cases[] = {
        {{0}, {0}},
        {{5, 0}, {5, 0}},
        {{5, 5, 5, 0}, {5, 0}},
        {{5, 5, 7, 7, 5, 0}, {5, 7, 5, 0}},
        {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 0}, {3, 4, 5, 6, 7, 8, 9, 10, 0}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *dir = tempdir_new(), *path = path_join(dir, "history.db");
        struct history *history;
        struct trend trend = {.id = id};
        size_t len = 0;
        assert_int_equal(0, history_open(path, &history, NULL));
        for (size_t j = 0; cases[i].samples[j] != 0; j++) {
            const struct history_sample samples[] = {
                {"cache:/c/api", NOW - (20 - (int64_t)j) * MINUTE, cases[i].samples[j]},
                {"cache:/c/api2", NOW - (20 - (int64_t)j) * MINUTE, 99 + (int64_t)j}};
            assert_int_equal(0, history_add_samples(history, samples, 2, NULL));
        }
        trend_read(&trend, history, NOW);
        while (cases[i].trend[len] != 0)
            len++;
        assert_int_equal(trend.len, len);
        assert_memory_equal(trend.sizes, cases[i].trend, len * sizeof trend.sizes[0]);
        history_close(history);
        tempdir_free(dir);
        free(path);
    }
}

static void test_goes_to_its_row(void **state)
{
    const struct trend trend = {.id = id, .sizes = {3, 4}, .len = 2};
    struct store *store = store_new();
    (void)state;
    store_put_service(store, "/c/api");
    store_put_service(store, "/c/worker");
    trend_put(&trend, store);
    assert_int_equal(store_service(store, "/c/api")->trend_len, 2);
    assert_int_equal(store_service(store, "/c/api")->trend[1], 4);
    assert_int_equal(store_service(store, "/c/worker")->trend_len, 0);
    store_free(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_size_once),
        cmocka_unit_test(test_goes_to_its_row),
    };
    limit_program(60);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
